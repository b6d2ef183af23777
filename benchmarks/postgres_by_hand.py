"""The floors of appending on PostgreSQL, by hand and without twofold: nothing is checked, and readers may miss what is
written.

One statement writes everything that comes beside an event; one insert writes the events of all who wait for it.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias, final

from benchmarks.work import DATA, HEADERS
from twofold.clock import new_id

_Row: TypeAlias = tuple[Any, ...]

_TABLE = """CREATE TABLE IF NOT EXISTS by_hand (
    position bigserial PRIMARY KEY, version bigint NOT NULL, time timestamptz NOT NULL, id uuid NOT NULL,
    schema_version integer NOT NULL, stream text COLLATE "C" NOT NULL, type text COLLATE "C" NOT NULL,
    headers text NOT NULL, tags text NOT NULL, data bytea NOT NULL, UNIQUE (stream, version)
)"""
_INSERT = (
    "INSERT INTO by_hand (stream, version, id, type, schema_version, data, headers, time, tags)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
)
_INSERT_MANY = (
    "INSERT INTO by_hand (stream, version, id, type, schema_version, data, headers, time, tags) SELECT * FROM unnest("
    "$1::text[], $2::bigint[], $3::uuid[], $4::text[], $5::integer[], $6::bytea[], $7::text[], $8::timestamptz[], "
    "$9::text[])"
)
_TABLES_BESIDE = """
CREATE TABLE IF NOT EXISTS by_hand_streams (LIKE twofold_streams INCLUDING ALL);
CREATE TABLE IF NOT EXISTS by_hand_tags (LIKE twofold_tags INCLUDING ALL);
CREATE TABLE IF NOT EXISTS by_hand_audit (LIKE twofold_audit INCLUDING ALL);
CREATE TABLE IF NOT EXISTS by_hand_replies (LIKE twofold_replies INCLUDING ALL);
CREATE SEQUENCE IF NOT EXISTS by_hand_numbers CACHE 1;
"""
_INSERT_ALL = f"""
WITH stream AS (
    INSERT INTO by_hand_streams (stream, version) VALUES ($1, $2)
), event AS (
    {_INSERT} RETURNING position
), tagged AS (
    INSERT INTO by_hand_tags (tag, position) SELECT tag, position FROM event, unnest($10::text[]) AS tag
), entry AS (
    INSERT INTO by_hand_audit (
        number, message, version, message_id, correlation_id, user_id, payload, time, duration, outcome, code, position
    ) SELECT nextval('by_hand_numbers'), $11, 1, $12, $13, $14, $15, $8, 200, 'success', '', position FROM event
)
INSERT INTO by_hand_replies (key, message, fingerprint, value, time, expires, position)
SELECT $16, $11, $16, $6, $8, $17, position FROM event
"""


async def inserts(connections: Sequence[Any], streams: Iterator[str]) -> Callable[[int], Awaitable[None]]:
    """The twin: one prepared insert of an event, on a connection for each client."""
    await connections[0].execute(_TABLE)
    prepared = [await connection.prepare(_INSERT) for connection in connections]

    async def insert(client: int) -> None:
        await prepared[client].fetchval(*_row(streams))

    return insert


async def all_in_one(
    connections: Sequence[Any], streams: Iterator[str], tags: Sequence[str]
) -> Callable[[int], Awaitable[None]]:
    """An event with tags, an entry and a reply, in one statement."""
    await connections[0].execute(_TABLES_BESIDE)
    prepared = [await connection.prepare(_INSERT_ALL) for connection in connections]

    async def write(client: int) -> None:
        await prepared[client].fetch(*_rows_of_all(streams, *tags))

    return write


async def shared(connection: Any, streams: Iterator[str]) -> Callable[[int], Awaitable[None]]:
    """Events whose clients wait at the same time share an insert."""
    together = _SharedInsert(await connection.prepare(_INSERT_MANY))

    async def write(_: int) -> None:
        await together.add(_row(streams))

    return write


def _row(streams: Iterator[str], tags: str = "[]") -> _Row:
    """An event."""
    return next(streams), 1, new_id(), "order_placed", 1, DATA, json.dumps(HEADERS), datetime.now(UTC), tags


def _rows_of_all(streams: Iterator[str], *tags: str) -> _Row:
    """An event, its tags, an entry of an audit trail and the reply to a key."""
    entry = ("place_order", new_id(), HEADERS["correlation_id"], "ada", DATA.decode())
    return *_row(streams, json.dumps(tags)), tags, *entry, new_id().bytes, datetime.now(UTC) + timedelta(days=1)


@final
class _SharedInsert:
    """Inserts together what is asked for while the insert before is on its way.

    Args:
        insert: `_INSERT_MANY`, prepared.
    """

    def __init__(self, insert: Any) -> None:
        self._insert = insert
        self._waiting: list[tuple[_Row, asyncio.Future[None]]] = []
        self._sending: asyncio.Task[None] | None = None

    async def add(self, event: _Row) -> None:
        """Insert an event, and wait until it is there."""
        written = asyncio.get_running_loop().create_future()
        self._waiting.append((event, written))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())
        await written

    async def _send(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            events: Sequence[_Row] = [event for event, _ in group]
            await self._insert.fetch(*zip(*events, strict=True))
            for _, written in group:
                written.set_result(None)
        self._sending = None
