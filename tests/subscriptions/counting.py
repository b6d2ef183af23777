"""A subscriber that counts, and events for it to count."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from twofold.dispatch import Start
from twofold.messages import Catalogue, Context, Event
from twofold.store import Batch, Fact, Move, Selection, Store, UnitOfWork
from twofold.subscriptions import Subscription


@dataclass(frozen=True, kw_only=True)
class Counted(Event):
    """An event."""

    n: int


@dataclass(frozen=True, kw_only=True)
class Ignored(Event):
    """An event that the subscriber does not want."""


CATALOGUE = Catalogue()
CATALOGUE.add(Counted)
CATALOGUE.add(Ignored)


class Counter:
    """A subscriber that keeps what it is given, and commits its checkpoint."""

    def __init__(self, store: Store, *, name: str = "counter", batch_size: int = 3, start: Start = "beginning") -> None:
        self.name = name
        self.batch_size = batch_size
        self.selection = Selection(types=frozenset({"counted"}))
        self.start: Start = start
        self.partitions = 1
        self.version = 0
        self.seen: list[int] = []
        self.moves: list[Move] = []
        self.trouble: Callable[[Sequence[Fact]], Awaitable[None]] | None = None
        self._store = store

    async def handle(self, facts: Sequence[Fact], settled: Batch) -> None:
        """Keep them, when there is no trouble."""
        if self.trouble is not None:
            await self.trouble(facts)
        await self._store.commit(settled)
        self.moves.extend(settled.moves)
        self.seen.extend(fact.event.n for fact in facts)


async def append(store: Store, *numbers: int, ignored: bool = False, stream: str = "numbers") -> int:
    """Add events to the log, and give its head."""
    unit = UnitOfWork(store, CATALOGUE, Context())
    for n in numbers:
        unit.append(stream, Counted(n=n))
    if ignored:
        unit.append(stream, Ignored())
    return (await unit.commit()).position


@asynccontextmanager
async def following(
    counter: Counter, store: Any, *, catalogue: Catalogue = CATALOGUE, **options: Any
) -> AsyncIterator[Subscription]:
    """A subscription that runs for a block, and ends by itself when it is told to stop."""
    subscription = Subscription(counter, store, catalogue, **options)
    task = asyncio.create_task(subscription.run())
    try:
        async with asyncio.timeout(10):
            yield subscription
            subscription.stop()
            await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
