"""Reading events. What may be read is settled by the database: nothing below the head that is still to come."""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final, final

import asyncpg
from pydantic_core import from_json

from twofold.drivers.postgres._connection import Connection
from twofold.drivers.postgres._names import Names
from twofold.drivers.postgres._pool import Pool
from twofold.drivers.postgres._watch import Watch
from twofold.drivers.postgres._where import any_of
from twofold.store import Bell, Recorded, Selection, Stored


@final
class PostgresLog:
    """The log of one schema.

    Args:
        readers: Connections to read with.
        names: What is called how.
        bell: Told up to where the log is final.
        patience: How long readers may be held back before it is said who does that, in seconds.
    """

    __slots__ = ("_bell", "_names", "_readers", "_stored", "_watch")

    def __init__(self, readers: Pool, names: Names, bell: Bell, patience: float) -> None:
        self._readers = readers
        self._names = names
        self._bell = bell
        self._stored = names.sql(_STORED)
        self._watch = Watch(names, patience)

    async def head(self) -> int:
        """The position up to which the log is final; transactions that are still open may hold it back."""
        heard = self._bell.rings
        async with self._readers.lent() as connection:
            bound = int(await connection.fetchval(self._names.sql(_BOUND)))
            await self._watch.saw(bound, connection)
        self._bell.settle(bound, heard)
        return bound

    async def epoch(self) -> str:
        """The log's own random name, given when its schema was made, and anew after a backup was restored."""
        async with self._readers.lent() as connection:
            return str(await connection.fetchval(self._names.sql(_EPOCH)))

    async def read(self, after: int, *, until: int, limit: int, where: Sequence[Selection] = ()) -> Sequence[Recorded]:
        """Events with `after < position <= until`, in position order.

        Always a statement, and so a snapshot, of its own: `until` was final before it is taken.
        """
        async with self._readers.lent() as connection:
            return await read(connection, self._names, after, until, limit, where)

    async def read_stream(self, stream: str, *, after: int = 0, limit: int = 1000) -> Sequence[Recorded]:
        """Events of one stream with `version > after`, in version order."""
        async with self._readers.lent() as connection:
            rows = await connection.fetch(self._names.sql(_STREAM), stream, after, limit)
        return [recorded(*row) for row in rows]

    async def read_stored(self, stream: str, *, after: int = 0, limit: int = 1000) -> Sequence[Stored]:
        """Events of one stream with `version > after`, in version order, without their metadata."""
        async with self._readers.lent() as connection:
            return await connection.fetch(self._stored, stream, after, limit, record_class=_Stored)


class _Stored(asyncpg.Record):  # type: ignore[misc]  # asyncpg has no types of its own
    """A row as it comes: to make something else of each would take as long as the reading."""

    __slots__ = ()
    position = property(itemgetter(0))
    version = property(itemgetter(1))
    type = property(itemgetter(2))
    schema_version = property(itemgetter(3))
    data = property(itemgetter(4))


async def read(
    connection: Connection, names: Names, after: int, until: int, limit: int, where: Sequence[Selection]
) -> Sequence[Recorded]:
    """Events with `after < position <= until`, in position order."""
    condition, values = any_of(where, 4) if where else ("TRUE", [])
    rows = await connection.fetch(names.sql(_PAGE % condition), after, until, limit, *values)
    return [recorded(*row) for row in rows]


def recorded(
    position: int,
    stream: str,
    version: int,
    id_: Any,
    type_: str,
    schema_version: int,
    data: bytes,
    headers: str,
    time: Any,
    tags: str,
) -> Recorded:
    """The entry of a row."""
    return Recorded(
        position,
        stream,
        version,
        id_,
        type_,
        schema_version,
        data,
        {} if headers == "{}" else from_json(headers),
        time,
        () if tags == "[]" else tuple(from_json(tags)),
    )


_BOUND: Final = "SELECT {schema}.twofold_bound()"
_EPOCH: Final = "SELECT value FROM {schema}.twofold_meta WHERE name = 'epoch'"
_SELECT: Final = (
    "SELECT position, stream, version, id, type, schema_version, data, headers, time, tags FROM {schema}.twofold_events"
)
_PAGE: Final = _SELECT + " WHERE position > $1 AND position <= $2 AND %s ORDER BY position LIMIT $3"
_STREAM: Final = _SELECT + " WHERE stream = $1 AND version > $2 ORDER BY version LIMIT $3"
_STORED: Final = (
    "SELECT position, version, type, schema_version, data FROM {schema}.twofold_events"
    " WHERE stream = $1 AND version > $2 ORDER BY version LIMIT $3"
)
