"""Consuming from NATS JetStream: everything that a stream keeps, into a log on SQLite, acknowledged.

The twin pulls from the same stream by nats-py's own `fetch`, writes the same events and the ids of what it has had with
plain sqlite3 in batches of as many, each in one transaction, and acknowledges them behind it.
"""

import asyncio
import itertools
import json
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import nats
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NothingCame

from benchmarks.figures import Figure, Run
from benchmarks.rounds import compare
from tools.nats_server import running
from twofold import App, Event, Module
from twofold.clock import new_id
from twofold.drivers.nats import NatsBroker
from twofold.drivers.nats._header import attributes_of
from twofold.drivers.sqlite import SqliteStore
from twofold.messaging import Outgoing
from twofold.store import Batch, Committed, Store, StoreFront

TITLE = "Consuming from NATS"
ABOUT = (
    "From the start of the application to the commit of the last message that a stream keeps (streams in files, one "
    "server on the same machine). Each is decoded, looked up among those that were received, recorded as an event in "
    "the log on SQLite and remembered, batches of 500 in one transaction, and acknowledged behind it; no reaction runs "
    "meanwhile. The twin does the same by nats-py's `fetch` and plain sqlite3: the same events with their headers, a "
    "table of ids, a version for each stream, one commit in 500. p50 and p99 are of batches."
)

_PAGE: Final = 500
_BAR: Final = 3_000


@dataclass(frozen=True, kw_only=True)
class OrderPaid(Event):
    order_id: str
    customer: str
    total: str


class Timed(StoreFront):
    """A store that notes when batches were committed.

    Args:
        behind: The store.
    """

    def __init__(self, behind: Store) -> None:
        super().__init__(behind)
        self.ends: list[float] = []

    async def commit(self, batch: Batch) -> Committed:
        """Commit, and note when."""
        committed = await super().commit(batch)
        if batch.received:
            self.ends.append(time.perf_counter())
        return committed


def measure(*, quick: bool) -> Iterator[Figure]:
    """How many messages a second are consumed, and how many of those that are consumed by hand.

    Args:
        quick: Whether to see only that it runs.
    """
    size, rounds = (1_000, 2) if quick else (20_000, 5)
    with tempfile.TemporaryDirectory(prefix="twofold-consuming-") as folder, running(Path(folder)) as server:
        yield from asyncio.run(_measure(Path(folder), server.url, size, rounds))


async def _measure(folder: Path, url: str, size: int, rounds: int) -> list[Figure]:
    client = await nats.connect(url)
    streams: Any = client.jetstream()
    await streams.add_stream(name="orders", subjects=["orders.>"])
    await _fill(url, size)
    numbers = itertools.count()

    async def ours() -> Run:
        module, number = Module("billing"), next(numbers)
        module.consumes(OrderPaid, from_="orders")
        store = Timed(SqliteStore(folder / f"ours-{number}.db"))
        app = App(f"billing-{number}", modules=[module], database=store, broker=url)
        started = time.perf_counter()
        await app.start()
        await app.settle(timeout=600)
        await app.stop()
        return Run(size, store.ends[-1] - started, _pages(started, store.ends))

    async def twin() -> Run:
        number = next(numbers)
        started = time.perf_counter()
        ends = await asyncio.wait_for(_by_hand(streams, folder / f"twin-{number}.db", f"twin-{number}", size), 600)
        return Run(size, ends[-1] - started, _pages(started, ends))

    done = await compare(ours, twin, rounds=rounds)
    await client.close()
    writes, durability = "1 event and 1 id for each message", "JetStream in files; SQLite FULL"
    against = "nats-py and sqlite3"
    return [
        done.figure("messages consumed", "/s", against, writes, durability=durability, at_least=_BAR),
        done.figure(f"messages consumed, of as many of {size:,} by hand", "%", against, writes, durability=durability),
    ]


async def _by_hand(streams: Any, path: Path, durable: str, size: int) -> list[float]:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(_TABLES)
    subscription = await streams.pull_subscribe("orders.order_paid", durable)
    ends: list[float] = []
    count = 0
    while count < size:
        try:
            page: list[Msg] = await subscription.fetch(_PAGE, timeout=5)
        except NothingCame:
            continue
        _write(connection, page)
        for one in page:
            await one.ack()
        count += len(page)
        ends.append(time.perf_counter())
    connection.close()
    return ends


def _write(connection: sqlite3.Connection, page: Sequence[Msg]) -> None:
    read = [(json.loads(one.data), attributes_of(one.headers or {})) for one in page]
    keys = [f"{said['source']} {said['id']}" for _, said in read]
    places = ", ".join("?" * len(keys))
    known = {key for (key,) in connection.execute(f"SELECT key FROM ids WHERE key IN ({places})", keys)}
    fresh = [(key, body, said) for key, (body, said) in zip(keys, read, strict=True) if key not in known]
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO ids (key, time) VALUES (?, ?)", [(key, time.time()) for key, _, _ in fresh])
    for _, body, said in fresh:
        stream = said["subject"]
        (version,) = connection.execute(_VERSION, (stream,)).fetchone()
        headers = json.dumps({"correlation_id": said["correlationid"], "causation_id": said["causationid"]})
        row = stream, version + 1, said["id"], said["type"], json.dumps(body), headers, time.time()
        connection.execute("INSERT INTO events VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", row)
    connection.execute("COMMIT")


_VERSION: Final = "SELECT coalesce(max(version), 0) FROM events WHERE stream = ?"
_TABLES: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE ids (key TEXT PRIMARY KEY, time REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE events (
    position INTEGER PRIMARY KEY AUTOINCREMENT, stream TEXT NOT NULL, version INTEGER NOT NULL, id TEXT NOT NULL,
    type TEXT NOT NULL, data TEXT NOT NULL, headers TEXT NOT NULL, time REAL NOT NULL, UNIQUE (stream, version)
);
"""


async def _fill(url: str, size: int) -> None:
    broker = NatsBroker(url)
    for first in range(0, size, _PAGE):
        messages: list[Outgoing] = []
        for number in range(first, first + _PAGE):
            id_, order = str(new_id()), str(new_id())
            attributes = {
                "specversion": "1.0",
                "id": id_,
                "source": "/shop",
                "type": "order_paid",
                "subject": f"order-{number}",
                "datacontenttype": "application/json",
                "schemaversion": "1",
                "correlationid": str(new_id()),
                "causationid": str(new_id()),
            }
            data = json.dumps({"order_id": order, "customer": f"customer-{number}", "total": "12.50"}).encode()
            messages.append(Outgoing("orders.order_paid", id_, f"order-{number}", attributes, data))
        assert await broker.publish(messages) == [None] * len(messages)
    await broker.close()


def _pages(started: float, ends: Sequence[float]) -> list[float]:
    return [after - before for before, after in itertools.pairwise([started, *ends])]
