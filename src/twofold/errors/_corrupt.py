"""Stored or received data that cannot be understood; it is kept and set aside, never skipped silently."""

from typing import ClassVar

from twofold.errors._category import Category
from twofold.errors._error import TwofoldError


class Corrupt(TwofoldError):
    """Data cannot be understood; the base of the family."""

    category: ClassVar[Category] = Category.CORRUPT
    code: ClassVar[str] = "corrupt"


class UnknownMessage(Corrupt):
    """No registered message has this name and version.

    Args:
        name: The wire name that was found.
        version: Its schema version.
        near: Registered names that look like it, best first.
    """

    code: ClassVar[str] = "unknown_message"

    def __init__(self, *, name: str, version: int | None = None, near: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.name, self.version, self.near = name, version, near

    @property
    def detail(self) -> str:
        version = "" if self.version is None else f" version {self.version}"
        return f"no message is registered as {self.name!r}{version}"

    @property
    def hint(self) -> str:
        return f"did you mean {', '.join(map(repr, self.near))}?" if self.near else ""


class Undecodable(Corrupt):
    """A body does not fit the message that its name promises.

    Args:
        name: The wire name of the message.
        cause: What the codec or an upcaster found.
        version: The version of its schema, when it comes from the log.
        position: Its position, when it comes from the log.
    """

    code: ClassVar[str] = "undecodable"

    def __init__(self, *, name: str, cause: str, version: int | None = None, position: int | None = None) -> None:
        super().__init__()
        self.name, self.cause, self.version, self.position = name, cause, version, position

    @property
    def detail(self) -> str:
        version = "" if self.version is None else f" version {self.version}"
        position = "" if self.position is None else f" at position {self.position}"
        return f"the body of {self.name!r}{version}{position} cannot be decoded: {self.cause}"
