"""A moment of the past: by a version of one stream, a position of the log, or an instant."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal, Self, cast, final

from twofold.errors import Invalid, WiringError
from twofold.store import Recorded


@final
@dataclass(frozen=True, slots=True)
class AsOf:
    """Up to where the past is told; made by `AsOf.version`, `AsOf.position` or `AsOf.instant`.

    Args:
        kind: What it goes by.
        bound: The last version, position or instant that is told.

    Example:
        >>> async def as_begun(history: History, order_id: UUID) -> Result[Order, NotFound]:
        ...     return await history.get(Order, order_id, as_of=AsOf.version(3))
    """

    kind: Literal["version", "position", "instant"]
    bound: int | datetime

    @classmethod
    def version(cls, number: int) -> Self:
        """The first so many events of one stream; a stream that has fewer is not there.

        Raises:
            Invalid: It is less than 1.
        """
        if number < 1:
            raise Invalid(f"versions count from 1, so there is no version {number}")
        return cls("version", number)

    @classmethod
    def position(cls, number: int) -> Self:
        """Everything up to a position of the log: what a `Receipt`, a header or an audit entry says. It is exact.

        Raises:
            Invalid: It is less than 0.
        """
        if number < 0:
            raise Invalid(f"positions count from 0, so there is no position {number}")
        return cls("position", number)

    @classmethod
    def instant(cls, moment: datetime) -> Self:
        """Everything before the first event that was recorded later, by the clocks of those who recorded.

        Raises:
            Invalid: It does not say in which time zone it is.
        """
        if moment.tzinfo is None:
            raise Invalid(f"{moment} is an instant only with a time zone")
        return cls("instant", moment)

    def covers(self, entry: Recorded) -> bool:
        """Whether an event had been recorded then."""
        if self.kind == "instant":
            return entry.time <= cast("datetime", self.bound)
        return (entry.version if self.kind == "version" else entry.position) <= cast("int", self.bound)

    def is_beyond(self, version: int) -> bool:
        """Whether it is a version that a stream, which is at some version, has not reached."""
        return self.kind == "version" and version < cast("int", self.bound)

    def __str__(self) -> str:
        return str(self.bound) if self.kind == "instant" else f"{self.kind} {self.bound}"


class NotThePresent(WiringError):
    """Something was to be written that was loaded as it had been in the past.

    Args:
        what: What it is.
        as_of: What it was loaded as of.
    """

    code: ClassVar[str] = "not_the_present"

    def __init__(self, *, what: str, as_of: AsOf) -> None:
        super().__init__(f"{what} was loaded as of {as_of}, and nothing is written on the past")
        self.what, self.as_of = what, as_of

    @property
    def hint(self) -> str:
        """What to do instead."""
        return "load it without as_of, and decide on what it is now"
