"""Appending on PostgreSQL, and reading it again; the server is a real one of its own, with everything on the disk.

The twin calls asyncpg with one prepared insert into a table of the same columns and indexes, and checks nothing.
"""

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import asyncpg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

from benchmarks.figures import Figure, Run, Skipped
from benchmarks.rounds import Contender, compare
from tools.postgres import Server, private_server
from twofold.clock import new_id
from twofold.drivers.postgres import PostgresStore
from twofold.store import Append, Batch, Draft

TITLE = "Append on PostgreSQL"
ABOUT = (
    "Each operation commits one event to a stream of its own: its version checked, its position drawn so that no "
    "reader misses it. The first twin is one prepared insert on a held asyncpg connection, with the same columns and "
    "indexes, which checks nothing; the second is the recorder of the library `eventsourcing`, in as many threads. The "
    "server runs on the same machine with its defaults, `fsync` and `synchronous_commit` among them."
)

_DURABILITY = "fsync"
_HEADERS = {"causation_id": str(new_id()), "correlation_id": str(new_id()), "user_id": "ada"}
_DATA = json.dumps({"order_id": str(new_id()), "customer": "Ada", "total": "12.50", "lines": [1, 2, 3]}).encode()
_TABLE = """CREATE TABLE by_hand (
    position bigserial PRIMARY KEY, version bigint NOT NULL, time timestamptz NOT NULL, id uuid NOT NULL,
    schema_version integer NOT NULL, stream text COLLATE "C" NOT NULL, type text COLLATE "C" NOT NULL,
    headers text NOT NULL, tags text NOT NULL, data bytea NOT NULL, UNIQUE (stream, version)
)"""
_INSERT = (
    "INSERT INTO by_hand (stream, version, id, type, schema_version, data, headers, time, tags)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
)


def measure(*, quick: bool) -> Iterator[Figure | Skipped]:
    """Appends of one event at 1 and 8 clients, then a read of the whole log."""
    rounds, count = (2, 80) if quick else (21, 400)
    with private_server() as server:
        yield asyncio.run(_appends(server, rounds, count, clients=1, at_least=65))
        yield asyncio.run(_appends(server, rounds, count * 2, clients=8, at_least=60))
        yield asyncio.run(_against_eventsourcing(server, rounds, count * 2, clients=8))
        yield asyncio.run(_catch_up(server, rounds, 2_000 if quick else 20_000))


async def _appends(server: Server, rounds: int, count: int, *, clients: int, at_least: float) -> Figure:
    store = PostgresStore(server.url(), pool_size=clients)
    await store.start()
    connections = [await asyncpg.connect(server.url()) for _ in range(clients)]
    await connections[0].execute(_TABLE.replace("TABLE", "TABLE IF NOT EXISTS"))
    inserts = [await connection.prepare(_INSERT) for connection in connections]
    streams = map("order-{}".format, itertools.count(time.time_ns()))

    async def append(_: int) -> None:
        await store.commit(_batch(next(streams)))

    async def insert(client: int) -> None:
        headers, now = json.dumps(_HEADERS), datetime.now(UTC)
        values = (next(streams), 1, new_id(), "order_placed", 1, _DATA, headers, now, "[]")
        await inserts[client].fetchval(*values)

    done = await compare(_clients(append, count, clients), _clients(insert, count, clients), rounds=rounds)
    await store.stop()
    for connection in connections:
        await connection.close()
    return Figure(
        what=f"commit of a unit of work, {clients} at a time",
        value=done.value("%"),
        unit="%",
        at_least=at_least,
        ours=done.spread,
        twin=done.twin_spread,
        against="one prepared asyncpg insert, nothing checked",
        writes="1 event",
        clients=clients,
        durability=_DURABILITY,
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
    streams = map("order-{}".format, itertools.count(time.time_ns()))
    loop, threads = asyncio.get_running_loop(), ThreadPoolExecutor(clients)

    async def append(_: int) -> None:
        await store.commit(_batch(next(streams)))

    async def record(_: int) -> None:
        event = StoredEvent(originator_id=new_id(), originator_version=1, topic="order_placed", state=_DATA)
        await loop.run_in_executor(threads, recorder.insert_events, [event])

    done = await compare(_clients(append, count, clients), _clients(record, count, clients), rounds=rounds)
    await store.stop()
    await asyncio.to_thread(datastore.close)
    threads.shutdown()
    return Figure(
        what=f"commit of a unit of work, {clients} at a time",
        value=done.ratio,
        unit="x",
        at_least=4,
        ours=done.spread,
        twin=done.twin_spread,
        against="the library eventsourcing",
        writes="1 event",
        clients=clients,
        durability=_DURABILITY,
    )


async def _catch_up(server: Server, rounds: int, count: int) -> Figure:
    store = PostgresStore(server.url(), schema="catch_up")
    await store.start()
    for number in range(count // 500):
        await store.commit(Batch((Append(f"stream-{number}", tuple(_draft() for _ in range(500))),)))
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
    return Figure(
        what="reading the log, in pages of 500",
        value=done.rate,
        unit="/s",
        at_least=25_000,
        ours=done.spread,
        twin=done.twin_spread,
        against="asyncpg, rows left as they come",
        writes="nothing",
        durability=_DURABILITY,
    )


async def _admin(server: Server) -> Any:
    return await asyncpg.connect(server.url())


def _batch(stream: str) -> Batch:
    return Batch((Append(stream, (_draft(),), 0),))


def _draft() -> Draft:
    return Draft(new_id(), "order_placed", 1, _DATA, _HEADERS, datetime.now(UTC))


def _clients(operation: Callable[[int], Awaitable[None]], count: int, clients: int) -> Contender:
    """A round of so many operations, shared among so many tasks."""

    async def client(number: int) -> list[float]:
        latencies = list[float]()
        for _ in range(count // clients):
            started = time.perf_counter()
            await operation(number)
            latencies.append(time.perf_counter() - started)
        return latencies

    async def run() -> Run:
        started = time.perf_counter()
        latencies = [one for each in await asyncio.gather(*map(client, range(clients))) for one in each]
        return Run(len(latencies), time.perf_counter() - started, latencies)

    return run
