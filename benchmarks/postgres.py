"""Appending on PostgreSQL, and reading it again; the server is a real one of its own, with everything on the disk.

The twin calls asyncpg with one prepared insert into a table of the same columns and indexes, and checks nothing.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

from benchmarks.figures import Figure, Run, Skipped
from benchmarks.postgres_by_hand import all_in_one, inserts, shared
from benchmarks.rounds import compare
from benchmarks.work import DATA, HEADERS, batch, by_clients, draft, new_streams
from tools.postgres import Server, private_server
from twofold.clock import new_id
from twofold.drivers.postgres import PostgresStore
from twofold.store import Append, Batch

TITLE = "Append on PostgreSQL"
ABOUT = (
    "Each operation commits one event to a stream of its own: its version checked, its position drawn so that no "
    "reader misses it. On a held connection the store's own statement is sent, prepared and by hand, from a connection "
    "for each client; a unit of work goes through the store, where those that are asked for at the same time share a "
    "commit. The first twin is one prepared insert on a held asyncpg connection, with the same columns and indexes for "
    "each client, which checks nothing, and writes no tags, entry or reply; the second is the recorder of the library "
    "`eventsourcing`, in as many threads. A floor is by hand and checks nothing: one statement for all that may come "
    "beside an event, and one insert and commit for the events of all who wait. The server runs on the same machine "
    "with its defaults, `fsync` and `synchronous_commit` among them."
)

_DURABILITY = "fsync"
_UNCHECKED = "one prepared asyncpg insert, nothing checked"
_APPEND = "SELECT twofold_append_audited($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
_KEYED = f"SELECT twofold_reply(({_APPEND}), $12, $13, $14, $15, $16, $17)"
_TAGS = ("customer:7", "article:5")
_ROUND = {1: 1, 8: 2, 32: 4}  # how much longer a round is with so many clients
_ENTRY = {
    "message": "place_order", "version": 1, "message_id": str(new_id()), "correlation_id": HEADERS["correlation_id"],
    "user_id": "ada", "payload": DATA.decode(), "time": datetime.now(UTC).isoformat(), "duration": 200,
    "outcome": "success", "code": "",
}  # fmt: skip


def measure(*, quick: bool) -> Iterator[Figure | Skipped]:
    """Appends of one event at 1, 8 and 32 clients, with all that may come beside it too, then a read of the log."""
    rounds, count = (2, 32) if quick else (21, 400)
    with private_server() as server:
        for clients, bar in ((1, 65), (8, 60)):
            held = _appends(server, rounds, count * _ROUND[clients], clients=clients, held=True, at_least=bar)
            yield asyncio.run(held)
        for clients in (1, 8):
            yield asyncio.run(_floor(server, rounds, count * _ROUND[clients], *_TAGS, clients=clients))
            whole = _appends(server, rounds, count * _ROUND[clients], *_TAGS, clients=clients, held=True, at_least=40)
            yield asyncio.run(whole)
        yield asyncio.run(_floor(server, rounds, count * _ROUND[8], clients=8))
        for clients, coalesced in ((1, None), (8, 85), (32, None)):
            units = _appends(server, rounds, count * _ROUND[clients], clients=clients, at_least=coalesced)
            yield asyncio.run(units)
        for clients in (1, 8):
            audited = _appends(server, rounds, count * _ROUND[clients], *_TAGS, clients=clients)
            yield asyncio.run(audited)
        yield asyncio.run(_against_eventsourcing(server, rounds, count * 2, clients=8))
        yield asyncio.run(_catch_up(server, rounds, 2_000 if quick else 20_000))


async def _appends(
    server: Server,
    rounds: int,
    count: int,
    *tags: str,
    clients: int,
    held: bool = False,
    at_least: float | None = None,
) -> Figure:
    store = PostgresStore(server.url())
    await store.start()
    connections = [await asyncpg.connect(server.url()) for _ in range(clients)]
    insert = await inserts(connections, new_streams())
    ours = await _held(connections, *tags) if held else _commits(store, *tags)
    done = await compare(by_clients(ours, count, clients), by_clients(insert, count, clients), rounds=rounds)
    await store.stop()
    for connection in connections:
        await connection.close()
    what, all_tagged = "commit of a unit of work", "2 tags and its entry in the audit trail"
    if held:
        what, all_tagged = "append on a held connection", "2 tags, its entry in the audit trail and a keyed reply"
    beside = f" with {all_tagged}" if tags else ""
    return done.figure(
        f"{what}{beside}, {clients} at a time",
        "%",
        _UNCHECKED,
        "1 event, the twin nothing beside it" if tags else "1 event",
        durability=_DURABILITY,
        clients=clients,
        at_least=at_least,
    )


async def _floor(server: Server, rounds: int, count: int, *tags: str, clients: int) -> Figure:
    """What is left of the insert when by hand all is written that may come beside it, or when it is shared."""
    store = PostgresStore(server.url())
    await store.start()
    await store.stop()
    connections = [await asyncpg.connect(server.url()) for _ in range(clients)]
    streams = new_streams()
    insert = await inserts(connections, streams)
    what = "all of that in one statement" if tags else "inserts that are shared"
    write = await all_in_one(connections, streams, tags) if tags else await shared(connections[0], streams)
    done = await compare(by_clients(write, count, clients), by_clients(insert, count, clients), rounds=rounds)
    for connection in connections:
        await connection.close()
    return done.figure(
        f"the floor by hand: {what}, {clients} at a time",
        "%",
        _UNCHECKED,
        "1 event, 2 tags, 1 entry, 1 reply, the twin nothing beside it" if tags else "1 event",
        durability=_DURABILITY,
        clients=clients,
    )


async def _against_eventsourcing(server: Server, rounds: int, count: int, *, clients: int) -> Figure:
    store = PostgresStore(server.url(), pool_size=clients)
    await store.start()
    plain = await _admin(server)
    await plain.execute("CREATE SCHEMA IF NOT EXISTS library")
    await plain.close()
    folder = server.url().partition("host=")[2]
    datastore = PostgresDatastore(
        "postgres", folder, 5432, "postgres", "", pool_size=clients, max_overflow=0, max_waiting=clients * 2,
        schema="library",
    )  # fmt: skip
    recorder: Any = PostgresApplicationRecorder(datastore)
    await asyncio.to_thread(recorder.create_table)
    loop, threads = asyncio.get_running_loop(), ThreadPoolExecutor(clients)

    async def record(_: int) -> None:
        event = StoredEvent(originator_id=new_id(), originator_version=1, topic="order_placed", state=DATA)
        await loop.run_in_executor(threads, recorder.insert_events, [event])

    ours = by_clients(_commits(store), count, clients)
    done = await compare(ours, by_clients(record, count, clients), rounds=rounds)
    await store.stop()
    await asyncio.to_thread(datastore.close)
    threads.shutdown()
    return done.figure(
        f"commit of a unit of work, {clients} at a time",
        "x",
        "the library eventsourcing",
        "1 event",
        durability=_DURABILITY,
        clients=clients,
        at_least=4,
    )


async def _catch_up(server: Server, rounds: int, count: int) -> Figure:
    store = PostgresStore(server.url(), schema="catch_up")
    await store.start()
    for number in range(count // 500):
        await store.commit(Batch((Append(f"stream-{number}", tuple(draft() for _ in range(500))),)))
    plain = await _admin(server)

    async def read() -> Run:
        started, at, head = time.perf_counter(), 0, await store.log.head()
        latencies = list[float]()
        while at < head:
            before = time.perf_counter()
            at = (await store.log.read(at, until=head, limit=500))[-1].position
            latencies.append(time.perf_counter() - before)
        return Run(count, time.perf_counter() - started, latencies)

    async def by_hand() -> Run:
        started, at, latencies = time.perf_counter(), 0, list[float]()
        page = "SELECT * FROM catch_up.twofold_events WHERE position > $1 ORDER BY position LIMIT 500"
        while at < count:
            before = time.perf_counter()
            at = (await plain.fetch(page, at))[-1]["position"]
            latencies.append(time.perf_counter() - before)
        return Run(count, time.perf_counter() - started, latencies)

    done = await compare(read, by_hand, rounds=rounds)
    await store.stop()
    await plain.close()
    return done.figure(
        "reading the log, in pages of 500",
        "/s",
        "asyncpg, rows left as they come",
        "nothing",
        durability=_DURABILITY,
        at_least=25_000,
    )


async def _held(connections: Sequence[Any], *tags: str) -> Callable[[int], Awaitable[None]]:
    """The store's own statement; with tags it has an entry and a reply too."""
    appends = [await connection.prepare(_KEYED if tags else _APPEND) for connection in connections]
    streams, later, entry = new_streams(), datetime.now(UTC) + timedelta(days=1), json.dumps([_ENTRY])

    async def append(client: int) -> None:
        headers, now = json.dumps(HEADERS), datetime.now(UTC)
        event = (next(streams), 0, new_id(), "order_placed", 1, DATA, headers, now, json.dumps(tags))
        if not tags:
            await appends[client].fetchval(*event, None, None)
            return
        key = new_id().bytes
        await appends[client].fetchval(*event, list(tags), entry, key, "place_order", key, DATA, now, later)

    return append


async def _admin(server: Server) -> Any:
    return await asyncpg.connect(server.url())


def _commits(store: PostgresStore, *tags: str) -> Callable[[int], Awaitable[None]]:
    streams = new_streams()

    async def commit(_: int) -> None:
        await store.commit(batch(next(streams), *tags))

    return commit
