"""Relaying to NATS JetStream: everything that is in a log on SQLite, to a real server, confirmed.

The twin gives the same bytes with the same headers to the same server by nats-py alone, as many at once, and waits for
their confirmations; it reads no log and keeps no checkpoint.
"""

import asyncio
import itertools
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, final

import nats

from benchmarks.figures import Figure, Run
from benchmarks.rounds import compare
from tools.nats_server import running
from twofold import App, Event, Module
from twofold.clock import new_id
from twofold.drivers.nats import NatsBroker
from twofold.drivers.sqlite import SqliteStore
from twofold.messages import MessageType
from twofold.messaging import Outcome, Outgoing
from twofold.store import Append, Batch, Draft

TITLE = "Relay to NATS"
ABOUT = (
    "From the start of the application to the confirmation of the last event of the log, each in a stream of its own. "
    "The relay reads pages of 500 from SQLite, makes CloudEvents of them, gives them to JetStream (streams in files, "
    "one server on the same machine), and commits its checkpoint when all are confirmed. The twin publishes the same "
    "bytes with the same headers, 500 at once, by nats-py's `publish_async` alone. p50 and p99 are of pages of 500."
)

_PAGE: Final = 500


@dataclass(frozen=True, kw_only=True)
class OrderPlaced(Event):
    order_id: str
    customer: str
    total: str


@final
class Timed:
    """A broker that notes when each page was confirmed, and what it was given."""

    def __init__(self, broker: NatsBroker) -> None:
        self.ends = list[float]()
        self.given = list[Outgoing]()
        self._broker = broker

    async def publish(self, messages: Sequence[Outgoing]) -> Sequence[Outcome]:
        outcomes = await self._broker.publish(messages)
        self.ends.append(time.perf_counter())
        self.given += messages
        return outcomes

    async def close(self) -> None:
        await self._broker.close()


def measure(*, quick: bool) -> Iterator[Figure]:
    """How much of what nats-py publishes by itself is relayed.

    Args:
        quick: Whether to see only that it runs.
    """
    size, rounds = (1_000, 2) if quick else (20_000, 5)
    with tempfile.TemporaryDirectory(prefix="twofold-relay-") as folder, running(Path(folder)) as server:
        yield asyncio.run(_measure(Path(folder) / "log.db", server.url, size, rounds))


async def _measure(path: Path, url: str, size: int, rounds: int) -> Figure:
    await _fill(path, size)
    client = await nats.connect(url)
    streams: Any = client.jetstream()
    await streams.add_stream(name="orders", subjects=["orders.>"])
    places = itertools.count()
    seen = list[Outgoing]()

    async def ours() -> Run:
        await streams.purge_stream("orders")
        module, broker = Module("orders"), Timed(NatsBroker(url))
        module.publishes(OrderPlaced, to=f"orders.{next(places)}")
        app = App("shop", modules=[module], database=path, broker=broker)
        started = time.perf_counter()
        await app.start()
        await app.settle(timeout=600)
        seconds = time.perf_counter() - started
        await app.stop()
        seen[:] = broker.given
        return Run(size, seconds, _pages(started, broker.ends))

    async def twin() -> Run:
        await streams.purge_stream("orders")
        prepared = [(one.data, _headers(one)) for one in seen]
        ends = list[float]()
        started = time.perf_counter()
        for first in range(0, size, _PAGE):
            page = prepared[first : first + _PAGE]
            answers = [await streams.publish_async("orders.twin", data, headers=headers) for data, headers in page]
            await asyncio.gather(*answers)
            ends.append(time.perf_counter())
        return Run(size, time.perf_counter() - started, _pages(started, ends))

    done = await compare(ours, twin, rounds=rounds)
    await client.close()
    return done.figure(
        f"events relayed from a log of {size:,}, of as many that are published without one",
        "%",
        "publish_async of nats-py",
        "1 message for each event",
        durability="JetStream in files; checkpoint FULL",
        at_least=80,
    )


def _headers(one: Outgoing) -> dict[str, str]:
    """As the driver writes them."""
    return {"Nats-Msg-Id": str(new_id())} | {f"ce-{name}": value for name, value in one.attributes.items()}


def _pages(started: float, ends: Sequence[float]) -> list[float]:
    return [after - before for before, after in itertools.pairwise([started, *ends])]


async def _fill(path: Path, size: int) -> None:
    store = SqliteStore(path)
    await store.start()
    kind = MessageType(OrderPlaced)
    for first in range(0, size, _PAGE):
        appends = list[Append]()
        for number in range(first, first + _PAGE):
            event = OrderPlaced(order_id=str(new_id()), customer=f"customer-{number}", total="12.50")
            headers = {"correlation_id": str(new_id()), "causation_id": str(new_id())}
            draft = Draft(new_id(), kind.name, 1, kind.encode(event), headers, datetime.now(UTC))
            appends.append(Append(f"order-{number}", (draft,)))
        await store.commit(Batch(tuple(appends)))
    await store.stop()
