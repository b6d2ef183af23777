"""Reading the log: recorded events, in position order, and a way to learn that there are more."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as it stands in the log.

    Args:
        position: Its place in the whole log; grows, with holes.
        stream: The stream it belongs to.
        version: Its place in that stream: 1, 2, 3, …
        id: Its id.
        type: Its wire name.
        schema_version: The version of its schema.
        data: The encoded event, JSON.
        headers: Metadata: causation, correlation, user, tenant, trace.
        time: When it happened, in UTC.
        tags: What it concerns.
    """

    position: int
    stream: str
    version: int
    id: UUID
    type: str
    schema_version: int
    data: bytes
    headers: Mapping[str, str]
    time: datetime
    tags: tuple[str, ...] = ()


class Log(Protocol):
    """The append-only log, as readers see it: committed events only, none missed, none reordered in a stream."""

    async def head(self) -> int:
        """The position up to which the log is final: no event will ever appear at or below it; 0 when empty."""
        ...

    async def read(
        self, after: int, *, until: int, limit: int, types: Collection[str] | None = None
    ) -> Sequence[Recorded]:
        """Events with `after < position <= until`, in position order.

        Args:
            after: The position to start behind.
            until: The last position to return, usually what `head` answered.
            limit: How many events to return at most.
            types: Wire names to return; None for all. Chosen in the database.
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
