"""The loop of an inbox: what it does when store, broker or other processes are not as they are to be."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.messaging.buying import Paid, billing, message, orders
from tests.until import none_parked
from twofold import App, Module
from twofold.errors import CheckpointMoved, StoreUnavailable, TimedOut
from twofold.messaging import Incoming, MemoryBroker, NotReceived, Outgoing, Queue, Waiting
from twofold.store import Batch, Committed, MemoryStore, StoreFront
from twofold.subscriptions import Trouble

pytestmark = pytest.mark.anyio


class Breaking(StoreFront):
    """A store that is away for some commits."""

    def __init__(self, times: int) -> None:
        super().__init__(MemoryStore())
        self.left = times
        self.received: list[int] = []

    async def commit(self, batch: Batch) -> Committed:
        """Fail as long as it is to."""
        if batch.received and self.left:
            self.left -= 1
            raise StoreUnavailable("away")
        if batch.received:
            self.received.append(len(batch.received))
        return await super().commit(batch)


class Noting:
    """A broker that notes what is settled, and when, and may forget it.

    Args:
        broker: The broker.
        forgets: How many settlements get lost.
    """

    def __init__(self, broker: MemoryBroker, forgets: int = 0) -> None:
        self.behind = broker
        self.settled: list[tuple[int, int]] = []
        self.recorded: Any = lambda: 0
        self.forgets = forgets

    async def publish(self, messages: Sequence[Outgoing]) -> Sequence[Any]:
        """Publish."""
        return await self.behind.publish(messages)

    async def receive(self, queue: Queue, most: int, within: float) -> Sequence[Incoming]:
        """Receive."""
        return await self.behind.receive(queue, most, within)

    async def settle(self, queue: Queue, messages: Sequence[Incoming]) -> None:
        """Settle, or lose that."""
        self.settled.append((len(messages), self.recorded()))
        if self.forgets:
            self.forgets -= 1
            await self.behind.give_back(queue)
            raise NotReceived(place=queue.place, cause="lost")
        await self.behind.settle(queue, messages)

    async def give_back(self, queue: Queue) -> None:
        """Give back."""
        await self.behind.give_back(queue)

    async def waiting(self, queue: Queue) -> Waiting:
        """Tell what waits."""
        return await self.behind.waiting(queue)

    async def close(self) -> None:
        """Close."""


async def test_nothing_is_settled_before_it_is_committed() -> None:
    """While the store is away it is tried for as long as that takes, and nothing is parked."""
    store, broker = Breaking(7), Noting(MemoryBroker())
    broker.recorded = lambda: sum(store.received)
    app = App("billing", modules=[billing()], database=store, broker=broker)
    troubles: list[Trouble] = []
    app.observe(observer=troubles.append)
    async with app:
        await broker.publish([message("a", number) for number in range(5)])
        await app.settle(timeout=60)
        assert await orders(app) == [("a", number) for number in range(5)]
        assert not await app.parked.list()
    assert all(recorded >= sum(count for count, _ in broker.settled) for _, recorded in broker.settled)
    assert [one.away for one in troubles] == [True] * 7


async def test_what_comes_again_since_it_was_not_settled_is_known() -> None:
    """A process that dies between the commit and the acknowledgement leaves that."""
    broker = Noting(MemoryBroker(), forgets=2)
    app = App("billing", modules=[billing()], database="memory:", broker=broker)
    async with app:
        await broker.publish([message("a", number) for number in range(5)])
        await app.settle()
        assert await orders(app) == await orders(app, "invoiced") == [("a", number) for number in range(5)]
        assert await broker.behind.waiting(Queue("billing:orders", "orders", frozenset({"paid"}))) == Waiting()
    assert len(broker.settled) >= 3


class Losing(Noting):
    """A broker whose connection is lost with messages on their way, which it gives again after a while."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker)
        self.again: float | None = None

    async def receive(self, queue: Queue, most: int, within: float) -> Sequence[Incoming]:
        """Lose the first two."""
        now = asyncio.get_running_loop().time()
        if self.again is None:
            self.again = now + 0.5
            await self.behind.receive(queue, 2, within)
            raise NotReceived(place=queue.place, cause="the connection is lost")
        if 0 < self.again <= now:
            self.again = 0
            await self.behind.give_back(queue)
        return await self.behind.receive(queue, most, within)

    async def waiting(self, queue: Queue) -> Waiting:
        """Tell when they come again."""
        return (await self.behind.waiting(queue))._replace(again=0.5)


async def test_nothing_passes_what_was_lost_on_its_way() -> None:
    """What comes again after a while is waited for, though others would be there at once."""
    broker = Losing(MemoryBroker())
    app = App("billing", modules=[billing()], database="memory:", broker=broker)
    await broker.publish([message("a", number) for number in range(10)])
    async with app:
        await app.settle(timeout=60)
        assert await orders(app) == [("a", number) for number in range(10)]


async def test_batches_share_a_transaction() -> None:
    """All that waits is one commit, within a bound."""
    store, broker = Breaking(0), MemoryBroker()
    await broker.publish([message(str(number), number) for number in range(1200)])
    async with App("billing", modules=[billing()], database=store, broker=broker) as app:
        await app.settle(timeout=60)
        assert len(await orders(app)) == 1200
    assert store.received == [500, 500, 200]


class Stubborn(StoreFront):
    """A store that never takes one event."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())

    async def commit(self, batch: Batch) -> Committed:
        """Fail for one."""
        if any(b'"amount":13' in draft.data for append in batch.appends for draft in append.events):
            raise RuntimeError("not this one")
        return await super().commit(batch)


async def test_one_that_cannot_be_recorded_is_put_aside_after_some_tries() -> None:
    """It alone, with what is behind it in its stream; those that came with it are recorded in their order."""
    broker = MemoryBroker()
    app = App("billing", modules=[billing()], database=Stubborn(), broker=broker)
    async with app:
        await broker.publish([message("ab"[number % 2], number) for number in range(10, 18)])
        await app.settle(timeout=60)
        assert await orders(app) == [("a", 10), ("b", 11), ("a", 12), ("a", 14), ("a", 16)]
        parked = await app.parked.list()
    assert [(one.attempts, one.cause) for one in parked] == [(5, "RuntimeError: not this one"), (0, ""), (0, "")]


class Dropping(StoreFront):
    """A store in which somebody drops what keeps a stream waiting, just before more is put aside behind it."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())

    async def commit(self, batch: Batch) -> Committed:
        """Drop it first."""
        if any(not one.cause for one in batch.parks):
            await super().commit(Batch(frees=(("inbox:orders", 1),)))
        return await super().commit(batch)


async def test_what_is_put_aside_behind_nothing_goes_on_by_itself() -> None:
    """What it would have waited for was dropped in the same moment."""
    broker = MemoryBroker()
    app = App("billing", modules=[billing()], database=Dropping(), broker=broker)
    async with app:
        await broker.publish([message("a", data=b"x")])
        await app.settle()
        await broker.publish([message("a", 2)])
        await app.settle()
        await none_parked(app)
        await app.settle()
        assert await orders(app) == [("a", 2)]


class Stealing(StoreFront):
    """A store in which somebody takes the turn just before something is recorded: its owner was frozen for so long."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self.stolen = False

    async def commit(self, batch: Batch) -> Committed:
        """Take it first, once."""
        if batch.received and not self.stolen:
            self.stolen = True
            await self.checkpoints.claim(await self.checkpoints.get("inbox:orders"), "thief")
        return await super().commit(batch)


async def test_who_has_lost_the_turn_records_nothing() -> None:
    """The store refuses it; whoever has the turn then is given the same."""
    store, broker, seen = Stealing(), MemoryBroker(), asyncio.Event()
    app = App("billing", modules=[billing()], database=store, broker=broker, lease=0.5)
    troubles: list[Trouble] = []

    def note(trouble: Trouble) -> None:
        troubles.append(trouble)
        seen.set()

    app.observe(observer=note)
    async with app:
        await broker.publish([message("a", 1)])
        async with asyncio.timeout(30):
            await seen.wait()
        assert isinstance(troubles[0].error, CheckpointMoved)
        assert await orders(app) == []
        await app.settle(timeout=60)  # the thief shows no sign of life
        assert await orders(app) == [("a", 1)]
        assert not await app.parked.list()


async def test_whoever_waits_is_told_what_is_away() -> None:
    """Nobody can tell whether everything has come."""
    broker, gone = MemoryBroker(), asyncio.Event()
    app = App("billing", modules=[billing()], database="memory:", broker=broker)
    app.observe(observer=lambda _: gone.set())
    async with app:
        broker.away = True
        async with asyncio.timeout(30):
            await gone.wait()
        with pytest.raises(TimedOut, match=r"inbox:orders \(0 behind, NotReceived"):
            await app.settle(timeout=0.2)


async def test_two_processes_take_turns(tmp_path: Path) -> None:
    """One receives at a time, so that order is kept; the other one goes on when that ends."""
    broker = MemoryBroker()
    apps = [App("billing", modules=[billing()], database=tmp_path / "own.db", broker=broker) for _ in range(2)]
    first, second = apps
    await first.start()
    await second.start()
    try:
        await broker.publish([message("a", number) for number in range(100)])
        await first.settle(timeout=60)
        inboxes = [one for app in apps for one in await app.progress() if one.name == "inbox:orders"]
        assert len({one.owner for one in inboxes}) == 1
        assert sorted(one.owned for one in inboxes) == [False, True]
        await broker.publish([message("a", number) for number in range(100, 200)])
        await first.stop()
        await second.settle(timeout=60)
        assert await orders(second) == [("a", number) for number in range(200)]
    finally:
        await first.stop()
        await second.stop()


async def test_while_the_broker_is_away_it_is_told(tmp_path: Path) -> None:
    """And when it is back all goes on by itself; nobody need do anything."""
    broker, gone = MemoryBroker(), asyncio.Event()
    app = App("billing", modules=[billing()], database="memory:", broker=broker)
    app.observe(observer=lambda trouble: gone.set() if isinstance(trouble.error, NotReceived) else None)
    async with app:
        await broker.publish([message("a", 1)])
        await app.settle()
        broker.away = True
        async with asyncio.timeout(30):
            await gone.wait()
        (inbox,) = [one for one in await app.progress() if one.name == "inbox:orders"]
        assert inbox.failures > 0
        assert inbox.still > 0
        assert "it is away" in inbox.error
        broker.away = False
        await broker.publish([message("a", 2)])
        await app.settle(timeout=60)
        assert await orders(app) == [("a", 1), ("a", 2)]


async def test_a_handler_that_fails_is_none_of_the_brokers_business() -> None:
    """The message is recorded; the reaction is tried again, and parks it with its stream as all reactions do."""
    module = Module("billing")
    module.consumes(Paid, from_="orders")
    done: list[int] = []

    @module.on(Paid)
    async def write_invoice(event: Paid) -> None:
        if event.amount == 2:
            raise RuntimeError("no paper")
        done.append(event.amount)

    broker = MemoryBroker()
    async with App("billing", modules=[module], database="memory:", broker=broker) as app:
        await broker.publish([message("a", 1), message("a", 2), message("a", 3), message("b", 4)])
        await app.settle(timeout=60)
        assert await orders(app) == [("a", 1), ("a", 2), ("a", 3), ("b", 4)]
        parked = await app.parked.list()
    assert [(one.subscription, one.attempts) for one in parked] == [
        ("billing.write_invoice:paid", 5),
        ("billing.write_invoice:paid", 0),
    ]
    assert done == [1, 4]
