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


class ConditionFailed(Conflict):
    """Something happened that a decision would have had to know: the log holds an event that its condition excludes.

    Args:
        after: The head of the log that the decision saw.
        position: Where the first such event stands, or None when the store cannot tell.
    """

    code: ClassVar[str] = "condition_failed"

    def __init__(self, *, after: int, position: int | None = None) -> None:
        super().__init__()
        self.after, self.position = after, position

    @property
    def detail(self) -> str:
        found = "" if self.position is None else f", at position {self.position}"
        return f"an event that the decision depends on was recorded after position {self.after}{found}"


class AlreadyReceived(Conflict):
    """A message of another service was dealt with before, by this process or by another one."""

    code: ClassVar[str] = "already_received"

    def __init__(self) -> None:
        super().__init__("a message of another service was dealt with before")


class CheckpointMoved(Conflict):
    """A checkpoint is not where its owner left it: somebody else owns it now, or has moved it.

    Args:
        name: The checkpoint.
        text: How it was found.
    """

    code: ClassVar[str] = "checkpoint_moved"

    def __init__(self, *, name: str, text: str) -> None:
        super().__init__(f"checkpoint {name!r} {text}: another owner moved it")
        self.name = name


class Interrupted(Conflict):
    """A command took so long that it was told to have failed, so nothing of what it did was written."""

    code: ClassVar[str] = "interrupted"

    def __init__(self) -> None:
        super().__init__("it took so long that it was told to have failed")

    @property
    def hint(self) -> str:
        return "nothing was written: send it again if it is still wanted"


class KeyConflict(Conflict):
    """An idempotency key was used before with another payload."""

    code: ClassVar[str] = "key_conflict"


class KeyInFlight(Conflict):
    """A command with the same idempotency key is being handled, and has not come to an end in time.

    Args:
        retry_after: When to ask again, in seconds.
    """

    code: ClassVar[str] = "key_in_flight"

    def __init__(self, *, retry_after: float = 1.0) -> None:
        super().__init__("a command with this idempotency key is being handled")
        self.retry_after = retry_after

    @property
    def hint(self) -> str:
        return "send the same again in a moment: it is answered with what that one comes to"
