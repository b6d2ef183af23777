"""Conditional appends: a commit that is refused once anything has happened that carries both of two tags.

The condition looks at the whole log, from its beginning; an event of the log has two tags, and 20 events share the
first. The twin on PostgreSQL is the recorder for such conditions of the library `eventsourcing`, on the same server,
over a log of the same size with the same tags.
"""

import asyncio
import itertools
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import asyncpg
from eventsourcing.dcb.api import DCBAppendCondition, DCBEvent, DCBQuery, DCBQueryItem
from eventsourcing.dcb.postgres_tt import PostgresDCBRecorderTT
from eventsourcing.postgres import PostgresDatastore

from benchmarks.figures import Figure
from benchmarks.rounds import Comparison, Contender, compare
from benchmarks.twins import connect
from benchmarks.work import DATA, by_clients, draft
from tools.postgres import Server, private_server
from twofold.clock import new_id
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.sqlite import SqliteStore
from twofold.store import Append, Batch, Condition, Selection, Store

TITLE = "Boundaries"
ABOUT = (
    "Each operation commits one event with two tags, under the condition that no event of its type carries both, in "
    "the whole log. 20 events of the log share the first tag. The cost is of the middle latencies, long and short log "
    "in turn. The twin is `PostgresDCBRecorderTT` of the library `eventsourcing`, in a thread, on the same server; it "
    "has no such recorder for SQLite. Logs are loaded by one statement for each table."
)

_PER_COURSE: Final = 20
_WRITES: Final = "1 event with 2 tags"
_SQLITE: Final = """
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {size})
INSERT INTO twofold_events (position, stream, version, id, type, schema_version, data, headers, time, tags)
SELECT n, 'filled-' || n, 1, randomblob(16), 'order_placed', 1, CAST('{{}}' AS BLOB), '{{}}', 0,
    json_array('course:' || (n / {per}), 'student:' || n)
FROM numbers;
INSERT INTO twofold_tags (tag, position)
SELECT value, position FROM twofold_events, json_each(tags) ORDER BY value, position;
"""
_POSTGRES: Final = """
INSERT INTO twofold_events (position, stream, version, id, type, schema_version, data, headers, time, tags)
SELECT n, 'filled-' || n, 1, gen_random_uuid(), 'order_placed', 1, '{{}}'::bytea, '{{}}', now(),
    format('["course:%s","student:%s"]', n / {per}, n)
FROM generate_series(1, {size}) AS n;
INSERT INTO twofold_streams (stream, version) SELECT stream, version FROM twofold_events;
INSERT INTO twofold_tags (tag, position)
SELECT 'course:' || n / {per}, n FROM generate_series(1, {size}) AS n
UNION ALL SELECT 'student:' || n, n FROM generate_series(1, {size}) AS n;
SELECT setval('twofold_positions', {size});
ANALYZE twofold_events, twofold_streams, twofold_tags;
"""
_LIBRARY: Final = """
INSERT INTO dcb_events_tt_main (type, data, tags)
SELECT 'order_placed', '{{}}'::bytea, ARRAY['course:' || n / {per}, 'student:' || n]
FROM generate_series(1, {size}) AS n ORDER BY n;
INSERT INTO dcb_events_tt_tag (tag, main_id) SELECT tag, id FROM dcb_events_tt_main, unnest(tags) AS tag;
ANALYZE dcb_events_tt_main, dcb_events_tt_tag;
"""


def measure(*, quick: bool) -> Iterator[Figure]:
    """Conditional appends to logs of three sizes, on both stores, and against the library."""
    sizes = (500, 1_000) if quick else (10_000, 100_000, 1_000_000)
    rounds, count = (2, 10) if quick else (11, 200)
    with tempfile.TemporaryDirectory() as folder:
        yield from asyncio.run(_on_sqlite(Path(folder), sizes, rounds, count))
    with private_server() as server:
        yield from asyncio.run(_on_postgres(server, sizes, rounds, count))


async def _on_sqlite(folder: Path, sizes: tuple[int, ...], rounds: int, count: int) -> list[Figure]:
    stores = dict[int, Store]()
    for size in sizes:
        path = folder / f"{size}.db"
        empty = SqliteStore(path)
        await empty.start()
        await empty.stop()
        connection = connect(path)
        connection.executescript(_SQLITE.format(size=size, per=_PER_COURSE))
        connection.close()
        stores[size] = SqliteStore(path)
        await stores[size].start()
    figures = await _growth(stores, rounds, count, where="SQLite", durability="FULL")
    for store in stores.values():
        await store.stop()
    return figures


async def _on_postgres(server: Server, sizes: tuple[int, ...], rounds: int, count: int) -> list[Figure]:
    stores, twins = dict[int, Store](), dict[int, PostgresDatastore]()
    appends = dict[int, Contender]()
    admin: Any = await asyncpg.connect(server.url())
    for size in sizes:
        await admin.execute(f"CREATE DATABASE log_{size}")
        stores[size] = PostgresStore(server.url(f"log_{size}"))
        await stores[size].start()
        folder = server.url().partition("host=")[2]
        twins[size] = PostgresDatastore(f"log_{size}", folder, 5432, "postgres", "")
        recorder = PostgresDCBRecorderTT(twins[size])
        await asyncio.to_thread(recorder.create_table)
        appends[size] = by_clients(_library(recorder, size), count, 1)
        connection: Any = await asyncpg.connect(server.url(f"log_{size}"))
        for statements in (_POSTGRES, _LIBRARY):
            await connection.execute(statements.format(size=size, per=_PER_COURSE))
        await connection.execute("CHECKPOINT")
        await connection.close()
    await admin.close()
    figures = await _growth(stores, rounds, count, where="PostgreSQL", durability="fsync")
    for size in sizes:
        ours = by_clients(_ours(stores[size], size), count, 1)
        figures.append(_against(await compare(ours, appends[size], rounds=rounds), size))
        await stores[size].stop()
        await asyncio.to_thread(twins[size].close)
    return figures


async def _growth(stores: dict[int, Store], rounds: int, count: int, *, where: str, durability: str) -> list[Figure]:
    first, *longer = stores
    short = by_clients(_ours(stores[first], first), count, 1)
    figures = list[Figure]()
    for size in longer:
        done = await compare(short, by_clients(_ours(stores[size], size), count, 1), rounds=rounds)
        figures.append(_flat(f"{size:,} events against {first:,} on {where}", done, durability))
    return figures


def _flat(sizes: str, done: Comparison, durability: str) -> Figure:
    return Figure(
        what=f"cost of a conditional append, {sizes}",
        value=done.middle_ratio,
        unit="x",
        at_most=2,
        ours=done.twin_spread,
        twin=done.spread,
        against="itself with the shorter log",
        writes=_WRITES,
        durability=durability,
    )


def _against(done: Comparison, size: int) -> Figure:
    what = f"conditional append to {size:,} events on PostgreSQL"
    against = "PostgresDCBRecorderTT of eventsourcing"
    return done.figure(what, "x", against, _WRITES, durability="fsync", of_middles=True)


def _tags(size: int) -> Iterator[tuple[str, str]]:
    """A course that has its events already, and a student that nobody has seen."""
    for number in itertools.count():
        yield f"course:{number * 7 % (size // _PER_COURSE)}", f"student:new-{time.time_ns()}"


def _ours(store: Store, size: int) -> Callable[[int], Awaitable[None]]:
    pairs, types = _tags(size), frozenset({"order_placed"})

    async def append(_: int) -> None:
        tags = next(pairs)
        condition = Condition(0, (Selection(types=types, tags=frozenset(tags)),))
        await store.commit(Batch((Append(f"new-{new_id()}", (draft(*tags),), 0),), conditions=(condition,)))

    return append


def _library(recorder: PostgresDCBRecorderTT, size: int) -> Callable[[int], Awaitable[None]]:
    pairs = _tags(size)

    async def append(_: int) -> None:
        tags = list(next(pairs))
        query = DCBQuery([DCBQueryItem(types=["order_placed"], tags=tags)])
        event = DCBEvent("order_placed", DATA, tags)
        await asyncio.to_thread(recorder.append, [event], DCBAppendCondition(query, after=0))

    return append
