"""What the benchmarks of stores append, and the clients who do it."""

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from benchmarks.figures import Run
from benchmarks.rounds import Contender
from twofold.clock import new_id
from twofold.store import Append, AuditEntry, Batch, Draft

HEADERS: Final = {"causation_id": str(new_id()), "correlation_id": str(new_id()), "user_id": "ada"}
DATA: Final = json.dumps({"order_id": str(new_id()), "customer": "Ada", "total": "12.50", "lines": [1, 2, 3]}).encode()


def new_streams() -> Iterator[str]:
    """Names of streams that nobody has written to."""
    return map("order-{}".format, itertools.count(time.time_ns()))


def draft(*tags: str) -> Draft:
    """An event."""
    return Draft(new_id(), "order_placed", 1, DATA, HEADERS, datetime.now(UTC), tags)


def batch(stream: str, *tags: str) -> Batch:
    """A unit of work that begins a stream with one event; one with tags leaves an entry in the audit trail, too."""
    return Batch((Append(stream, (draft(*tags),), 0),), audit=(_entry(),) if tags else ())


def _entry() -> AuditEntry:
    return AuditEntry(
        message="place_order",
        version=1,
        message_id=new_id(),
        correlation_id=HEADERS["correlation_id"],
        causation_id=None,
        user_id="ada",
        tenant=None,
        payload=DATA.decode(),
        time=datetime.now(UTC),
        duration=timedelta(microseconds=200),
        outcome="success",
    )


def by_clients(operation: Callable[[int], Awaitable[None]], count: int, clients: int) -> Contender:
    """A round of so many operations, shared among so many tasks; each is given the number of its client."""

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
