"""The one background loop: it loses nothing, and repeats nothing that it has settled."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest

from tests.subscriptions.counting import CATALOGUE, Counter, Ignored, append, following
from tests.until import until
from twofold.errors import CheckpointMoved, StoreUnavailable, UnknownMessage
from twofold.messages import Catalogue, Context
from twofold.store import Batch, Checkpoint, Fact, MemoryStore, Move, Rearrangement, UnitOfWork, decode
from twofold.store._memory_checkpoints import MemoryCheckpoints
from twofold.subscriptions import Cut, LogReplaced, Owner, Subscription, Trouble, _failures

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store() -> AsyncIterator[MemoryStore]:
    """An open store of its own for each test."""
    store = MemoryStore()
    await store.start()
    yield store
    await store.stop()


async def test_it_handles_everything_in_order_and_in_batches(store: MemoryStore) -> None:
    """What was there before it began, and what comes after."""
    head, counter = await append(store, *range(7)), Counter(store)
    async with following(counter, store) as subscription:
        await subscription.reached(head)
        assert counter.seen == list(range(7))
        assert [move.position for move in counter.moves] == [3, 6, 7]
        await subscription.reached(await append(store, 7))
    assert counter.seen == list(range(8))
    assert (await store.checkpoints.get("counter")).position == 8


async def test_a_wake_up_comes_at_once(store: MemoryStore) -> None:
    """Long before the poll."""
    counter = Counter(store)
    async with following(counter, store, poll=3600.0) as subscription:
        for n in range(5):
            await subscription.reached(await append(store, n))
    assert counter.seen == list(range(5))


async def test_a_wake_up_between_looking_and_waiting_is_not_missed(store: MemoryStore) -> None:
    """The event is committed after the loop has read the head, and before it waits."""
    counter = Counter(store)
    waiting = store.wakeup.wait

    class Late:
        async def wait(self, after: int, timeout: float) -> None:
            if after == 0:
                await append(store, 1)
            await waiting(after, timeout)

    class Proxy:
        wakeup = Late()

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

    async with following(counter, Proxy(), poll=3600.0) as subscription:
        await subscription.reached(1)
    assert counter.seen == [1]


async def test_a_lost_wake_up_delays_and_loses_nothing(store: MemoryStore) -> None:
    """The poll is the truth."""

    class Deaf:
        async def wait(self, after: int, timeout: float) -> None:
            await asyncio.sleep(timeout)

    class Proxy:
        wakeup = Deaf()

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

    counter = Counter(store)
    async with following(counter, Proxy(), poll=0.001) as subscription:
        for n in range(3):
            await subscription.reached(await append(store, n))
    assert counter.seen == [0, 1, 2]


async def test_it_resumes_where_it_stood(store: MemoryStore) -> None:
    """After a restart; nothing is handled twice."""
    head = await append(store, 1, 2)
    async with following(Counter(store), store) as subscription:
        await subscription.reached(head)
    again = Counter(store)
    head = await append(store, 3)
    async with following(again, store) as subscription:
        await subscription.reached(head)
    assert again.seen == [3]


async def test_events_that_it_does_not_want_are_passed_over(store: MemoryStore) -> None:
    """It is not behind because of them, and they cost no transaction."""
    counter = Counter(store)
    head = await append(store, ignored=True)
    async with following(counter, store) as subscription:
        await subscription.reached(head)
    assert (counter.seen, counter.moves) == ([], [])


async def test_what_fails_is_told_and_tried_again_and_nothing_is_skipped(store: MemoryStore) -> None:
    """The failure is visible while it lasts, and later events wait behind it."""
    head, counter, told = await append(store, *range(4)), Counter(store, batch_size=1), list[tuple[int, str]]()

    async def fail_twice(facts: Sequence[Fact]) -> None:
        if facts[0].event.n == 1 and len(told) < 2:
            raise KeyError("x")

    counter.trouble = fail_twice
    async with following(
        counter, store, observer=lambda trouble: told.append((trouble.failures, repr(trouble.error)))
    ) as subscription:
        await subscription.reached(head)
        assert counter.seen == [0, 1, 2, 3]
        assert told == [(1, "KeyError('x')"), (2, "KeyError('x')")]
        assert (subscription.failures, subscription.error) == (0, None)
        assert subscription.name == "counter"


async def test_the_position_of_a_failure_is_that_of_the_event(store: MemoryStore) -> None:
    """Where one alone has failed; of a page that needs something which is away, it is how far it has come."""
    head, counter, told = await append(store, *range(4)), Counter(store), list[tuple[int, str]]()
    passing = [ConnectionError()]

    async def fail(facts: Sequence[Fact]) -> None:
        if passing:
            raise passing.pop()
        if any(fact.event.n == 2 for fact in facts) and len(told) < 3:
            raise KeyError("x")

    counter.trouble = fail
    async with following(
        counter, store, observer=lambda trouble: told.append((trouble.position, type(trouble.error).__name__))
    ) as subscription:
        await subscription.reached(head)
    assert told == [(0, "ConnectionError"), (3, "KeyError"), (3, "KeyError")]


async def test_an_observer_that_raises_does_not_end_the_loop(store: MemoryStore) -> None:
    """It is reported to the event loop, and the events are handled all the same."""
    reported: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, about: reported.append(about["exception"]))
    head, counter = await append(store, 1), Counter(store)

    async def fail_once(facts: Sequence[Fact]) -> None:
        counter.trouble = None
        raise KeyError("x")

    def observer(trouble: Trouble) -> None:
        raise ZeroDivisionError

    counter.trouble = fail_once
    try:
        async with following(counter, store, observer=observer) as subscription:
            await subscription.reached(head)
    finally:
        asyncio.get_running_loop().set_exception_handler(None)
    assert counter.seen == [1]
    assert [type(error) for error in reported] == [ZeroDivisionError]


async def test_of_two_owners_the_second_is_refused_and_looks_again(store: MemoryStore) -> None:
    """Every event is settled by exactly one of them."""
    one, two, told = Counter(store), Counter(store), list[str]()
    both = asyncio.Barrier(2)

    def meet(counter: Counter) -> Callable[[Sequence[Fact]], Awaitable[None]]:
        async def wait(facts: Sequence[Fact]) -> None:
            counter.trouble = None
            await both.wait()

        return wait

    one.trouble, two.trouble = meet(one), meet(two)
    head = await append(store, *range(3))

    def observer(trouble: Trouble) -> None:
        told.append(type(trouble.error).__name__)

    async with following(one, store, observer=observer) as first, following(two, store, observer=observer) as second:
        await asyncio.gather(first.reached(head), second.reached(head))
    assert told == [CheckpointMoved.__name__]
    assert sorted(one.seen + two.seen) == [0, 1, 2]
    assert (await store.checkpoints.get("counter")).position == head


async def test_whatever_it_fails_with_when_it_was_replaced_that_is_why(store: MemoryStore) -> None:
    """In its first batch as well, when its checkpoint is as if it were new."""
    await store.rearrange(Rearrangement(places=(Checkpoint(name="counter", version=1),)))
    await append(store, 0)
    counter = Counter(store)
    counter.version = 1

    async def lose(facts: Sequence[Fact]) -> None:
        await store.rearrange(Rearrangement(forgets=("counter",)))
        raise KeyError("its table is gone")

    counter.trouble = lose
    with pytest.raises(CheckpointMoved, match="has version 0, not 1") as raised:
        await Subscription(counter, store, CATALOGUE).catch_up()
    assert isinstance(raised.value.__cause__, KeyError)
    for owner in (None, Owner(store.checkpoints)):
        with pytest.raises(CheckpointMoved, match="has version 0, not 1"):
            await Subscription(counter, store, CATALOGUE, owner=owner).catch_up()
    assert await store.checkpoints.all() == []


@pytest.mark.parametrize("busy", [True, False])
async def test_it_stops_after_the_batch_that_it_is_handling(store: MemoryStore, busy: bool) -> None:
    """And at once while it rests."""
    counter, handling, go = Counter(store, batch_size=1), asyncio.Event(), asyncio.Event()

    async def wait(facts: Sequence[Fact]) -> None:
        handling.set()
        await go.wait()

    counter.trouble = wait
    if busy:
        await append(store, 1, 2)
    async with following(counter, store, poll=3600.0) as subscription:
        if busy:
            await handling.wait()
        subscription.stop()
        go.set()
    assert counter.seen == ([1] if busy else [])
    assert (await store.checkpoints.get("counter")).position == len(counter.seen)


async def test_it_stops_during_a_back_off(store: MemoryStore) -> None:
    """Not only after it."""
    counter, failed = Counter(store), asyncio.Event()

    async def fail(facts: Sequence[Fact]) -> None:
        raise KeyError

    counter.trouble = fail
    await append(store, 1)
    async with following(counter, store, observer=lambda trouble: failed.set()):
        await failed.wait()
    assert counter.seen == []


async def test_a_cancelled_loop_leaves_the_checkpoint_where_the_work_is(store: MemoryStore) -> None:
    """The work that was interrupted is given again."""
    counter, handling = Counter(store), asyncio.Event()

    async def hang(facts: Sequence[Fact]) -> None:
        handling.set()
        await asyncio.Event().wait()

    counter.trouble = hang
    head = await append(store, 1)
    task = asyncio.create_task(Subscription(counter, store, CATALOGUE).run())
    await handling.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (await store.checkpoints.get("counter")).position == 0
    counter.trouble = None
    async with following(counter, store) as subscription:
        await subscription.reached(head)
    assert counter.seen == [1]


async def test_an_event_that_is_not_registered_is_corrupt(store: MemoryStore) -> None:
    """It is never passed over in silence."""
    await append(store, 1)
    with pytest.raises(UnknownMessage):
        decode(Catalogue(), await store.log.read(0, until=1, limit=1))


@pytest.mark.parametrize("start, seen", [("beginning", [0, 1, 2, 3]), ("now", [3]), (1, [1, 2, 3])])
async def test_a_new_one_starts_where_it_says(store: MemoryStore, start: Any, seen: list[int]) -> None:
    """And goes on from where it stands after that, whatever it says."""
    await append(store, 0, 1, 2)
    counter = Counter(store, start=start)
    async with following(counter, store) as subscription:
        await subscription.reached(3)
        await subscription.reached(await append(store, 3))
    again = Counter(store, start="now")
    head = await append(store, 4)
    async with following(again, store) as subscription:
        await subscription.reached(head)
    assert (counter.seen, again.seen) == (seen, [4])


async def test_parts_share_the_streams_and_keep_their_order(store: MemoryStore) -> None:
    """Each event is handled by one of them."""
    counters, head = [Counter(store) for _ in range(3)], 0
    for n in range(30):
        head = await append(store, n, stream=f"s-{n % 9}")
    for index, counter in enumerate(counters):
        async with following(counter, store, cut=Cut("counter", index, 3)) as subscription:
            await subscription.reached(head)
            assert subscription.name == f"counter[{index}/3]"
    assert sorted(n for counter in counters for n in counter.seen) == list(range(30))
    for counter in counters:
        assert counter.seen == sorted(counter.seen)
        assert len({n % 9 for n in counter.seen}) < 9


async def test_a_long_silence_moves_the_checkpoint_once(store: MemoryStore) -> None:
    """After a restart it does not read again what does not concern it."""
    counter = Counter(store)
    await append(store, 0)
    unit = UnitOfWork(store, CATALOGUE, Context())
    unit.append("others", *[Ignored()] * 10_001)
    head = (await unit.commit()).position
    async with following(counter, store) as subscription:
        await subscription.reached(head)
    assert (await store.checkpoints.get("counter")).position == head
    assert len(counter.moves) == 1


async def test_another_log_is_not_followed(store: MemoryStore) -> None:
    """A checkpoint of a log that is gone, or beyond its end, is told; nothing is handled."""
    counter, failed = Counter(store), list[Exception]()
    await append(store, 0)
    for move in (Move("counter", 1, 0, epoch="another"), Move("counter", 7, 1, epoch=await store.log.epoch())):
        await store.commit(Batch(moves=(move,)))
        told = asyncio.Event()

        def observer(trouble: Trouble, told: asyncio.Event = told) -> None:
            failed.append(trouble.error)
            told.set()

        async with following(counter, store, observer=observer):
            await told.wait()
    assert {type(error) for error in failed} == {LogReplaced}
    assert counter.seen == []


async def test_who_gives_up_waiting_leaves_nothing_behind(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the subscription stands still, and however many have waited for it."""
    loop = asyncio.get_running_loop()
    made: list[weakref.ref[asyncio.Future[Any]]] = []

    def remembered() -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.Future(loop=loop)
        made.append(weakref.ref(future))
        return future

    subscription = Subscription(Counter(store), store, Catalogue())
    monkeypatch.setattr(loop, "create_future", remembered)
    for _ in range(20):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await subscription.reached(1)
    gc.collect()
    assert len(made) >= 20
    assert sum(future() is not None for future in made) < 5


async def test_when_the_store_is_back_it_is_tried_at_once(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the back-off has become; whoever shows that this process lives finds out first."""
    monkeypatch.setattr(_failures, "_FIRST_BACK_OFF", 3600.0)
    monkeypatch.setattr(_failures, "_LAST_BACK_OFF", 3600.0)
    away, failed, unshown = True, asyncio.Event(), asyncio.Event()
    renew = MemoryCheckpoints.renew

    async def renewed(self: MemoryCheckpoints, owner: str) -> None:
        if away:
            raise StoreUnavailable("away")
        await renew(self, owner)

    async def fail(facts: Sequence[Fact]) -> None:
        if away:
            raise StoreUnavailable("away")

    async def done() -> bool:
        return counter.seen == [0]

    monkeypatch.setattr(MemoryCheckpoints, "renew", renewed)
    counter, owner = Counter(store), Owner(store.checkpoints, lease=60, observer=lambda _: unshown.set())
    owner.pause, counter.trouble = 0.01, fail
    living = asyncio.create_task(owner.run())
    try:
        async with following(counter, store, owner=owner, observer=lambda _: failed.set()):
            await append(store, 0)
            await asyncio.gather(failed.wait(), unshown.wait())
            away = False
            await until(done)
    finally:
        owner.stop()
        await living
