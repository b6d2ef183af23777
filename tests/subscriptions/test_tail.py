"""The newest events are read once for all who have caught up; nobody sees anything else than in the log itself."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.subscriptions.counting import Counter, append, following
from twofold.errors import StoreUnavailable
from twofold.store import MemoryStore, Recorded, Selection
from twofold.subscriptions import Tail

pytestmark = pytest.mark.anyio


class Spied:
    """A store whose log tells how often it was asked, and can be away."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.heads = self.reads = 0
        self.away = False
        self.wakeup = store.wakeup
        self.log = self

    async def head(self) -> int:
        self.heads += 1
        await asyncio.sleep(0)
        if self.away:
            raise StoreUnavailable("away")
        return await self.store.log.head()

    async def epoch(self) -> str:
        return await self.store.log.epoch()

    async def read(self, after: int, *, until: int, limit: int, where: Sequence[Selection] = ()) -> Sequence[Recorded]:
        self.reads += 1
        return await self.store.log.read(after, until=until, limit=limit, where=where)

    async def read_stream(self, stream: str, *, after: int = 0, limit: int = 1000) -> Sequence[Recorded]:
        return await self.store.log.read_stream(stream, after=after, limit=limit)


@pytest.fixture
async def store() -> AsyncIterator[MemoryStore]:
    """An open store of its own for each test."""
    store = MemoryStore()
    await store.start()
    yield store
    await store.stop()


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 40), st.integers(0, 6)), min_size=1, max_size=15),
    keep=st.integers(1, 8),
    size=st.integers(1, 60),
)
def test_it_answers_as_the_log_does(steps: list[tuple[int, int, int]], keep: int, size: int) -> None:
    """However little it keeps, and wherever one begins to read."""

    async def run() -> None:
        store = MemoryStore()
        await store.start()
        tail = Tail(store, events=keep, size=size)
        for many, back, limit in steps:
            if many:
                await append(store, *range(many), ignored=many % 2 == 0, stream=f"s-{many}")
            head = await tail.head()
            assert head == await store.log.head()
            for where in ((), (Selection(types=frozenset({"counted"})),), (Selection(stream="s-2"),)):
                wanted = await store.log.read(head - back, until=head - limit // 2, limit=limit, where=where)
                assert await tail.read(head - back, until=head - limit // 2, limit=limit, where=where) == wanted

    asyncio.run(run())


async def test_ten_that_have_caught_up_read_once(store: MemoryStore) -> None:
    """One look at the head and one read for each wake-up, and not ten."""
    spied = Spied(store)
    tail, counters = Tail(spied), [Counter(store, name=f"c{number}") for number in range(10)]
    async with AsyncExitStack() as all_of_them:
        subscriptions = [await all_of_them.enter_async_context(following(one, store, source=tail)) for one in counters]
        head = await append(store, 0)
        await asyncio.gather(*(one.reached(head) for one in subscriptions))
        spied.heads = spied.reads = 0
        for n in range(1, 6):
            head = await append(store, n)
            await asyncio.gather(*(one.reached(head) for one in subscriptions))
        assert spied.reads == 5
        assert spied.heads <= 15
    assert [one.seen for one in counters] == [list(range(6))] * 10


async def test_what_it_lets_go_of_counts_no_more(store: MemoryStore) -> None:
    """However much has passed through, the newest event is there: the log is read once for each that comes."""
    await append(store, 0)
    (first,) = await store.log.read(0, until=1, limit=1)
    spied = Spied(store)
    tail = Tail(spied, size=3 * len(first.data))
    await tail.head()
    for n in range(1, 10):
        await append(store, n)
        head = await tail.head()
        assert [event.position for event in await tail.read(head - 1, until=head, limit=1)] == [head]
    assert spied.reads == 9


async def test_trouble_is_told_to_all_who_asked(store: MemoryStore) -> None:
    """And the next one asks again; whoever stops waiting disturbs nobody."""
    spied = Spied(store)
    tail = Tail(spied)
    spied.away = True
    outcomes = await asyncio.gather(tail.head(), tail.head(), return_exceptions=True)
    assert [type(one) for one in outcomes] == [StoreUnavailable, StoreUnavailable]
    spied.away = False
    impatient, patient = asyncio.create_task(tail.head()), asyncio.create_task(tail.head())
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == 0
    assert impatient.cancelled()
    assert spied.heads == 2
