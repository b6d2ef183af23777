"""Reading events on the reader connections. Commit order is position order here, so every head is final."""

from collections.abc import Sequence
from functools import partial
from sqlite3 import Connection
from typing import Any, NamedTuple, TypeAlias, final

from pydantic_core import from_json

from twofold.clock import time_of, uuid_of
from twofold.drivers.sqlite._readers import Readers
from twofold.drivers.sqlite._snapshots import find_snapshot
from twofold.drivers.sqlite._where import any_of
from twofold.store import Recorded, Selection, Snapshot, Stored

_Row: TypeAlias = tuple[int, str, int, bytes, str, int, bytes, str, int, str]


@final
class SqliteLog:
    """The log of one SQLite file."""

    __slots__ = ("_readers",)

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def head(self) -> int:
        """The highest position that was ever committed; 0 when empty."""
        return await self._readers.run(head)

    async def epoch(self) -> str:
        """The log's own random name, given when its file was made, and anew after a backup was restored."""
        return await self._readers.run(epoch)

    async def read(self, after: int, *, until: int, limit: int, where: Sequence[Selection] = ()) -> Sequence[Recorded]:
        """Events with `after < position <= until`, in position order."""
        if not where:
            return await self._readers.run(partial(_read, _PAGE, (after, until, limit)))
        condition, values = any_of(where)
        query = _PAGE_OF_SOME.format(condition)
        return await self._readers.run(partial(_read, query, (after, until, *values, limit)))

    async def read_stream(self, stream: str, *, after: int = 0, limit: int = 1000) -> Sequence[Recorded]:
        """Events of one stream with `version > after`, in version order."""
        return await self._readers.run(partial(_read, _STREAM, (stream, after, limit)))

    async def read_stored(self, stream: str, *, after: int = 0, limit: int = 1000) -> Sequence[Stored]:
        """Events of one stream with `version > after`, in version order, without their metadata."""
        return await self._readers.run(partial(_read_stored, (stream, after, limit)))


class _Stored(NamedTuple):
    """A row as it comes."""

    position: int
    version: int
    type: str
    schema_version: int
    data: bytes


def head(connection: Connection) -> int:
    """The highest position that was ever committed, even when its event is gone; 0 when there was none."""
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'twofold_events'").fetchone()
    return int(found[0]) if found else 0


def behind(connection: Connection, after: int, where: Selection, limit: int) -> list[Recorded]:
    """Events behind a position that a selection means, in position order."""
    condition, values = any_of([where])
    return _read(_PAGE_OF_SOME.format(condition), (after, head(connection), *values, limit), connection)


def read_from_snapshot(connection: Connection, stream: str, limit: int) -> tuple[Snapshot | None, Sequence[Recorded]]:
    """The newest snapshot of a stream, or None, and the events of the stream from the one on that it is of."""
    found = find_snapshot(connection, stream)
    after = 0 if found is None else found.version - 1
    return found, _read(_STREAM, (stream, after, limit), connection)


def epoch(connection: Connection) -> str:
    """The log's own random name."""
    found = connection.execute("SELECT value FROM twofold_meta WHERE name = 'epoch'").fetchone()
    return str(found[0])


def _read(query: str, values: tuple[Any, ...], connection: Connection) -> list[Recorded]:
    return [_recorded(row) for row in connection.execute(query, values).fetchall()]


def _read_stored(values: tuple[Any, ...], connection: Connection) -> list[_Stored]:
    return [*map(_Stored._make, connection.execute(_STORED, values).fetchall())]


def _recorded(row: _Row) -> Recorded:
    position, stream, version, id_, type_, schema_version, data, headers, time, tags = row
    return Recorded(
        position,
        stream,
        version,
        uuid_of(int.from_bytes(id_)),
        type_,
        schema_version,
        data,
        {} if headers == "{}" else from_json(headers),
        time_of(time),
        () if tags == "[]" else tuple(from_json(tags)),
    )


_SELECT = "SELECT position, stream, version, id, type, schema_version, data, headers, time, tags FROM twofold_events "
_PAGE = _SELECT + "WHERE position > ? AND position <= ? ORDER BY position LIMIT ?"
_PAGE_OF_SOME = _SELECT + "WHERE position > ? AND position <= ? AND {} ORDER BY position LIMIT ?"
_STREAM = _SELECT + "WHERE stream = ? AND version > ? ORDER BY version LIMIT ?"
_STORED = (
    "SELECT position, version, type, schema_version, data FROM twofold_events"
    " WHERE stream = ? AND version > ? ORDER BY version LIMIT ?"
)
