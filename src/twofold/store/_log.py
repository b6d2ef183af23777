"""Reading the log: recorded events, in position order, and a way to learn that there are more."""

from collections.abc import Sequence
from typing import Protocol

from twofold.store._recorded import Recorded
from twofold.store._selection import Selection


class Log(Protocol):
    """The append-only log, as readers see it: committed events only, none missed, none reordered in a stream."""

    async def head(self) -> int:
        """The position up to which the log is final: no event will ever appear at or below it; 0 when empty."""
        ...

    async def epoch(self) -> str:
        """The log's own random name; another one when the log was made anew, or goes on after a backup was restored."""
        ...

    async def read(self, after: int, *, until: int, limit: int, where: Sequence[Selection] = ()) -> Sequence[Recorded]:
        """Events with `after < position <= until`, in position order.

        Args:
            after: The position to start behind.
            until: The last position to return, usually what `head` answered.
            limit: How many events to return at most.
            where: What to return: what any of these selections means; everything when there is none.
        """
        ...

    async def read_stream(self, stream: str, *, after: int = 0, limit: int = 1000) -> Sequence[Recorded]:
        """Events of one stream with `version > after`, in version order."""
        ...


class Wakeup(Protocol):
    """Tells followers that the log may have grown; a hint, and never the truth."""

    async def wait(self, after: int, timeout: float) -> None:
        """Return once the log may have grown beyond `after`, or after `timeout` seconds."""
        ...
