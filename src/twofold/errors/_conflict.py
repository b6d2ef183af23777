"""Conflicts: somebody else was faster; reload and decide again."""

from typing import ClassVar

from twofold.errors._category import Category
from twofold.errors._error import TwofoldError


class Conflict(TwofoldError):
    """The state changed under the decision; the base of conflicts."""

    category: ClassVar[Category] = Category.CONFLICT
    code: ClassVar[str] = "conflict"


class VersionConflict(Conflict):
    """A stream is not at the version that the decision was made on.

    Args:
        stream: The stream that was appended to.
        expected: The version the decision saw; 0 for a stream that should not exist.
        actual: The version found, or None when the store cannot tell.
    """

    code: ClassVar[str] = "version_conflict"

    def __init__(self, *, stream: str, expected: int, actual: int | None = None) -> None:
        super().__init__()
        self.stream, self.expected, self.actual = stream, expected, actual

    @property
    def detail(self) -> str:
        found = "" if self.actual is None else f", found {self.actual}"
        return f"stream {self.stream!r} was expected at version {self.expected}{found}"


class KeyConflict(Conflict):
    """An idempotency key was used before with another payload."""

    code: ClassVar[str] = "key_conflict"
