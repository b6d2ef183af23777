"""An event of a stream without its metadata: all that folding needs, for logs that can leave the rest unread."""

from collections.abc import Sequence
from typing import Protocol, cast

from twofold.store._log import Log


class Stored(Protocol):
    """What decodes an event, and where it stands; every `Recorded` is one."""

    @property
    def position(self) -> int:
        """Its place in the whole log."""
        ...

    @property
    def version(self) -> int:
        """Its place in its stream."""
        ...

    @property
    def type(self) -> str:
        """Its wire name."""
        ...

    @property
    def schema_version(self) -> int:
        """The version of its schema."""
        ...

    @property
    def data(self) -> bytes:
        """The encoded event, JSON."""
        ...


class StoredLog(Log, Protocol):
    """A log that reads events without their metadata: an ability that not every log has."""

    async def read_stored(self, stream: str, *, after: int = 0, limit: int = 1000) -> Sequence[Stored]:
        """Events of one stream with `version > after`, in version order."""
        ...


async def read_stored(log: Log, stream: str, *, after: int = 0, limit: int = 1000) -> Sequence[Stored]:
    """Events of one stream with `version > after`, in version order; with their metadata where the log cannot else."""
    # Of its class: what stands in front of another log may pass on whatever it does not have itself. And to ask whether
    # it is a StoredLog would take as long as to decode some events.
    if hasattr(type(log), "read_stored"):
        return await cast("StoredLog", log).read_stored(stream, after=after, limit=limit)
    return await log.read_stream(stream, after=after, limit=limit)
