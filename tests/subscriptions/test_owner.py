"""One owner for each subscription: who is dead is replaced within the lease, who was frozen changes nothing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from tests.subscriptions.counting import Counter, append, following
from tests.until import until
from twofold.errors import CheckpointMoved, StoreUnavailable
from twofold.store import NOBODY, Batch, Checkpoint, Fact, MemoryStore, Move, Parked, Recorded
from twofold.subscriptions import Owner, Source, Trouble

pytestmark = pytest.mark.anyio


class Time:
    """A clock that stands still until it is told how late it is."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Wall:
    """A clock for applications that goes as that one goes."""

    def __init__(self, time: Time) -> None:
        self._time = time

    def now(self) -> datetime:
        """Some day."""
        return datetime(2026, 1, 2, tzinfo=UTC) + timedelta(seconds=self._time())

    def monotonic(self) -> float:
        """Its seconds."""
        return self._time()


class Freezing:
    """A log beside which something happens whenever it has been read."""

    def __init__(self, store: MemoryStore, freeze: Callable[[], Awaitable[None]]) -> None:
        self.log = self
        self.wakeup = store.wakeup
        self.head = store.log.head
        self.epoch = store.log.epoch
        self._read = store.log.read
        self._freeze = freeze

    async def read(self, after: int, **options: Any) -> Sequence[Recorded]:
        """What the log has."""
        found = await self._read(after, **options)
        await self._freeze()
        return found


@pytest.fixture
async def store() -> AsyncIterator[MemoryStore]:
    """An open store of its own for each test."""
    store = MemoryStore()
    await store.start()
    yield store
    await store.stop()


@asynccontextmanager
async def living(owner: Owner) -> AsyncIterator[None]:
    """An owner that shows that it lives for a block."""
    task = asyncio.create_task(owner.run())
    try:
        yield
    finally:
        owner.stop()
        await task


async def test_the_first_follows_and_the_second_looks_on(store: MemoryStore) -> None:
    """It knows how far the other one has come, and takes over as soon as that one has given up its place."""
    first, second = Counter(store), Counter(store)
    one, two = Owner(store.checkpoints, lease=60), Owner(store.checkpoints, lease=60)
    two.pause = 0.01
    async with contextlib.AsyncExitStack() as rest:
        async with living(one), following(first, store, owner=one) as leading:
            await leading.reached(await append(store, 0))
            looking = await rest.enter_async_context(following(second, store, owner=two))
            head = await append(store, 1)
            await asyncio.gather(leading.reached(head), looking.reached(head))
            assert (leading.owned, looking.owned) == (True, False)
        await looking.reached(await append(store, 2))
        assert looking.owned
    assert (first.seen, second.seen) == ([0, 1], [2])


@pytest.mark.parametrize("looking_on", [False, True])
async def test_silence_is_no_standstill(store: MemoryStore, looking_on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """For whoever follows and for whoever looks on: only while events wait does the time count, and then it does."""
    time, begun, handled, looks = Time(), asyncio.Event(), asyncio.Event(), list[Checkpoint]()

    async def stuck(facts: Sequence[Fact]) -> None:
        begun.set()
        await handled.wait()

    async def looked() -> bool:
        return one.still == 0.0

    async def looked_again() -> bool:
        return len(looks) >= 3 or not looking_on

    async def acquire(seen: Checkpoint) -> None:
        looks.append(seen)

    counter, other = Counter(store), Owner(store.checkpoints, lease=60)
    other.pause = 0.001
    monkeypatch.setattr(other, "acquire", acquire)
    async with following(counter, store, poll=0.001, clock=Wall(time)) as leading:
        await leading.reached(await append(store, 0, ignored=True))
        looker = following(Counter(store), store, owner=other, clock=Wall(time))
        async with looker if looking_on else contextlib.nullcontext(leading) as one:
            await one.reached(2)
            time.now += 3600
            await until(looked)
            counter.trouble = stuck
            await append(store, 1, 2)
            await begun.wait()
            time.now += 61
            looks.clear()
            await until(looked_again)
            assert one.still == 61
            handled.set()
            await one.reached(4)
            assert one.still == 0.0


async def test_whoever_shows_no_life_is_replaced_after_its_lease(store: MemoryStore) -> None:
    """Not a moment before, by the clock of whoever watches; a sign of life begins a new lease."""
    time = Time()
    dead = await store.checkpoints.claim(Checkpoint(name="p"), "dead")
    heir = Owner(store.checkpoints, lease=5, now=time)
    assert await heir.acquire(dead) is None
    time.now += 4.9
    assert await heir.acquire(dead) is None
    await store.checkpoints.renew("dead")
    alive = await store.checkpoints.get("p")
    time.now += 4.9
    assert await heir.acquire(alive) is None
    time.now += 5.0
    mine = await heir.acquire(alive)
    assert mine is not None
    assert (mine.owner, mine.token) == (heir.name, 2)


async def test_a_sign_of_life_at_the_last_moment_counts(store: MemoryStore) -> None:
    """The claim is refused by the store, though the watcher has not seen it yet."""
    time = Time()
    slow = await store.checkpoints.claim(Checkpoint(name="p"), "slow")
    heir = Owner(store.checkpoints, lease=5, now=time)
    await heir.acquire(slow)
    time.now += 6
    await store.checkpoints.renew("slow")
    assert await heir.acquire(slow) is None
    assert (await store.checkpoints.get("p")).owner == "slow"


async def test_whoever_was_frozen_changes_nothing(store: MemoryStore) -> None:
    """It wakes up in the middle of a batch, finds its place taken, and what it did is not written."""
    frozen, heir, told = Counter(store), Counter(store), list[Exception]()
    asleep, awake = asyncio.Event(), asyncio.Event()

    async def freeze(facts: Sequence[Fact]) -> None:
        asleep.set()
        await awake.wait()
        frozen.trouble = None

    frozen.trouble = freeze
    time = Time()
    one, two = Owner(store.checkpoints, lease=5), Owner(store.checkpoints, lease=5, now=time)
    two.pause = 0.001
    head = await append(store, 0, 1, 2)

    def observer(trouble: Trouble) -> None:
        told.append(trouble.error)

    async with following(frozen, store, owner=one, observer=observer) as first:
        await asleep.wait()
        async with living(two), following(heir, store, owner=two) as second:
            while not second.owned:
                time.now += 1
                await asyncio.sleep(0)
            await second.reached(head)
            awake.set()
            await first.reached(head)
            await second.reached(await append(store, 3))
            assert not first.owned
    assert (frozen.seen, heir.seen) == ([], [0, 1, 2, 3])
    assert [type(error) for error in told] == [CheckpointMoved]


async def test_an_owner_that_is_not_sure_shows_life_before_it_goes_on(store: MemoryStore) -> None:
    """When the lease may have run out, it asks whose place it is before it handles anything."""
    time, counter, told = Time(), Counter(store), asyncio.Event()

    async def lost() -> bool:
        return owner.sure and not subscription.owned

    owner = Owner(store.checkpoints, lease=5, now=time)
    async with following(counter, store, owner=owner, observer=lambda trouble: told.set()) as subscription:
        await subscription.reached(await append(store, 0))
        time.now += 60
        assert not owner.sure
        taken = await store.checkpoints.claim(await store.checkpoints.get("counter"), "another")
        await append(store, 1)
        await until(lost)
    assert counter.seen == [0]
    assert not told.is_set()
    assert await store.checkpoints.get("counter") == taken


async def test_nothing_is_begun_that_a_freeze_came_between(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was frozen after it had read the event and before it handled it: it asks again, and begins nothing."""
    time, counter, begun, frozen = Time(), Counter(store), list[int](), asyncio.Event()
    owner = Owner(store.checkpoints, lease=5, now=time)

    async def freeze() -> None:
        if not frozen.is_set():
            time.now += 60
            await store.checkpoints.claim(await store.checkpoints.get("counter"), "another")
            frozen.set()

    async def begin(facts: Sequence[Fact]) -> None:
        begun.append(len(facts))

    async def looks_on() -> bool:
        return frozen.is_set() and owner.sure and not subscription.owned

    counter.trouble = begin
    source = cast("Source", Freezing(store, freeze))
    async with following(counter, store, owner=owner, source=source) as subscription:
        await append(store, 0)
        await until(looks_on)
    assert begun == []


async def test_no_parked_event_is_begun_that_a_freeze_came_between(store: MemoryStore) -> None:
    """It goes on being due, for whoever owns the subscription by then."""
    time, counter, began, frozen = Time(), Counter(store), list[int](), asyncio.Event()
    owner = Owner(store.checkpoints, lease=5, now=time)

    async def freeze() -> None:
        if not frozen.is_set() and await store.parked.list("counter", due=True):
            time.now += 60
            await store.checkpoints.claim(await store.checkpoints.get("counter"), "another")
            frozen.set()

    async def fail(facts: Sequence[Fact]) -> None:
        began.append(len(facts))
        raise KeyError("x")

    async def looks_on() -> bool:
        return frozen.is_set() and owner.sure and not subscription.owned

    counter.trouble = fail
    source = cast("Source", Freezing(store, freeze))
    async with following(counter, store, owner=owner, source=source, attempts=1, poll=0.001) as subscription:
        await subscription.reached(await append(store, 0))
        await store.parked.retry("counter", "numbers")
        await until(looks_on)
    assert began == [1]
    assert [one.due for one in await store.parked.list("counter")] == [True]


async def test_what_was_parked_while_it_was_frozen_keeps_its_stream_waiting(store: MemoryStore) -> None:
    """Another one has put something aside and left meanwhile; whoever comes back lets nothing overtake it."""
    time, counter = Time(), Counter(store)
    owner = Owner(store.checkpoints, lease=5, now=time)
    async with following(counter, store, owner=owner, poll=0.001) as subscription:
        await subscription.reached(await append(store, 0))
        taken = await store.checkpoints.claim(await store.checkpoints.get("counter"), "another")
        first = Parked(subscription="counter", position=2, stream="numbers", type="counted", time=Wall(time).now())
        await append(store, 1)
        await store.commit(Batch(moves=(Move("counter", 2, 1, token=taken.token),), parks=(first,)))
        await store.checkpoints.release("another")
        time.now += 60
        await subscription.reached(await append(store, 2))
    assert counter.seen == [0]
    assert [one.position for one in await store.parked.list("counter")] == [2, 3]


async def test_it_gives_back_what_it_owns(store: MemoryStore) -> None:
    """Whoever comes next need not wait for the lease."""
    owner = Owner(store.checkpoints, lease=60)
    async with living(owner):
        await owner.acquire(await store.checkpoints.get("p"))
        assert (await store.checkpoints.get("p")).owner == owner.name
    assert (await store.checkpoints.get("p")).owner == NOBODY


async def test_trouble_with_the_store_is_kept_and_does_not_end_it(store: MemoryStore) -> None:
    """It shows life again as soon as it can; whoever observes it is told once."""

    class Away:
        def __init__(self) -> None:
            self.failed = asyncio.Event()
            self.renewed = asyncio.Event()
            self.renewals = 0

        async def renew(self, owner: str) -> None:
            self.renewals += 1
            if self.renewals <= 2:
                self.failed.set()
                raise StoreUnavailable("away")
            self.renewed.set()

        async def all(self) -> Sequence[Checkpoint]:
            return ()

        async def release(self, owner: str, names: object = None) -> None:
            self.released = owner

    async def well_again() -> bool:
        return owner.error is None

    away, told = Away(), list[Exception]()
    owner = Owner(away, lease=0.04, observer=told.append)  # type: ignore[arg-type]  # it asks no more of it
    async with living(owner):
        await away.failed.wait()
        assert isinstance(owner.error, StoreUnavailable)
        async with asyncio.timeout(10):
            await away.renewed.wait()
            await until(well_again)
    assert owner.error is None
    assert [str(error) for error in told] == ["away"]
    assert away.released == owner.name
