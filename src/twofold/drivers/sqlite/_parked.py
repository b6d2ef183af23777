"""Parked events: read on the reader connections, changed by the writer."""

from collections.abc import Collection, Iterable, Sequence
from sqlite3 import Connection
from typing import Any, final

from twofold.clock import micros_of, time_of
from twofold.drivers.sqlite._guard import own
from twofold.drivers.sqlite._readers import Readers
from twofold.drivers.sqlite._writer import Writer
from twofold.store import Parked


@final
class SqliteParked:
    """The parked events in one SQLite file.

    Args:
        readers: Who reads them.
        writer: Who writes them.
    """

    __slots__ = ("_readers", "_writer")

    def __init__(self, readers: Readers, writer: Writer) -> None:
        self._readers = readers
        self._writer = writer

    async def list(
        self, subscription: str | None = None, *, stream: str | None = None, due: bool = False, limit: int = 1000
    ) -> Sequence[Parked]:
        """Parked events, by subscription and position."""
        values = {"subscription": subscription, "stream": stream, "due": due, "limit": limit}

        def found(connection: Connection) -> Sequence[Parked]:
            return [_parked(row) for row in connection.execute(_LIST, values)]

        return await self._readers.run(found)

    async def get(self, subscription: str, position: int) -> Parked | None:
        """A parked event, or None."""

        def found(connection: Connection) -> Parked | None:
            row = connection.execute(_GET, (subscription, position)).fetchone()
            return None if row is None else _parked(row)

        return await self._readers.run(found)

    async def streams(self, subscription: str) -> Collection[str]:
        """The streams of which a subscription has parked events."""

        def found(connection: Connection) -> set[str]:
            return {stream for (stream,) in connection.execute(_STREAMS, (subscription,))}

        return await self._readers.run(found)

    async def retry(self, subscription: str, stream: str) -> int:
        """Have a stream's parked events tried again."""
        return await self._writer.change(lambda connection: connection.execute(_RETRY, (subscription, stream)).rowcount)

    async def edit(self, subscription: str, position: int, data: bytes) -> bool:
        """Have a parked event read as this JSON."""
        values = (data, subscription, position)
        return await self._writer.change(lambda connection: connection.execute(_EDIT, values).rowcount) > 0


def park(connection: Connection, parks: Iterable[Parked]) -> None:
    """Put events aside, in the transaction that is open."""
    connection.executemany(_PARK, [_row(one) for one in parks])


def repark(connection: Connection, reparks: Iterable[Parked]) -> None:
    """Note what is new about events that are parked still, in the transaction that is open."""
    values = ((micros_of(one.time), *one[5:8], one.due, one.subscription, one.position) for one in reparks)
    connection.executemany(_REPARK, values)


def free(connection: Connection, frees: Iterable[tuple[str, int]]) -> None:
    """Let parked events go, in the transaction that is open."""
    connection.executemany(_FREE, frees)


def _row(one: Parked) -> tuple[Any, ...]:
    time = micros_of(one.time)
    key = one.subscription, one.position, one.stream, one.type
    return (*key, time, one.cause, one.trace, one.attempts, one.data, one.due)


def _parked(row: tuple[Any, ...]) -> Parked:
    subscription, position, stream, type_, time, cause, trace, attempts, data, due = row
    return Parked(
        subscription=subscription,
        position=position,
        stream=stream,
        type=type_,
        time=time_of(time),
        cause=cause,
        trace=trace,
        attempts=attempts,
        data=data,
        due=bool(due),
    )


_SELECT = "SELECT subscription, position, stream, type, time, cause, trace, attempts, data, due FROM twofold_parked "
_LIST = _SELECT + (
    "WHERE (:subscription IS NULL OR subscription = :subscription) AND (:stream IS NULL OR stream = :stream)"
    " AND due >= :due ORDER BY subscription, position LIMIT :limit"
)
_GET = _SELECT + "WHERE subscription = ? AND position = ?"
_STREAMS = "SELECT DISTINCT stream FROM twofold_parked WHERE subscription = ?"
_RETRY = own("UPDATE twofold_parked SET due = 1 WHERE subscription = ? AND stream = ?")
_EDIT = own("UPDATE twofold_parked SET data = ? WHERE subscription = ? AND position = ?")
_PARK = own(
    "INSERT INTO twofold_parked (subscription, position, stream, type, time, cause, trace, attempts, data, due)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (subscription, position) DO UPDATE SET"
    " stream = excluded.stream, type = excluded.type, time = excluded.time, cause = excluded.cause,"
    " trace = excluded.trace, attempts = excluded.attempts, due = excluded.due"
)
"""The data of what is parked already stays as it is: somebody may have edited it since it was read."""
_REPARK = own(
    "UPDATE twofold_parked SET time = ?, cause = ?, trace = ?, attempts = ?, due = ?"
    " WHERE subscription = ? AND position = ?"
)
_FREE = own("DELETE FROM twofold_parked WHERE subscription = ? AND position = ?")
