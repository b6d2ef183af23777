"""A subscription may be cut into another number of parts: nothing is lost, nothing is handled twice."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.subscriptions.counting import Counter, append, following
from twofold.store import Fact, MemoryStore
from twofold.subscriptions import Owner

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store() -> AsyncIterator[MemoryStore]:
    """An open store of its own for each test."""
    store = MemoryStore()
    await store.start()
    yield store
    await store.stop()


async def follow(store: MemoryStore, count: int, until: Sequence[int]) -> list[int]:
    """What the parts of a cut handle, when each of them goes on to a position of its own."""
    seen = list[int]()
    for index, position in zip(range(count), until, strict=False):
        counter = Counter(store, batch_size=2)
        counter.seen = seen
        part = None if count == 1 else (index, count)
        async with following(counter, store, part=part) as subscription:
            await subscription.reached(position)
    return seen


@settings(max_examples=40, deadline=None)
@given(data=st.data(), cuts=st.lists(st.integers(1, 4), min_size=2, max_size=4))
def test_every_event_is_handled_once_through_all_cuts(data: st.DataObject, cuts: list[int]) -> None:
    """Each stream in its order, wherever the parts stood when the number was changed."""

    async def run() -> list[int]:
        store = MemoryStore()
        await store.start()
        seen = list[int]()
        for number, count in enumerate(cuts):
            for n in range(number * 20, number * 20 + 20):
                await append(store, n, stream=f"s-{n % 7}")
            head = await store.log.head()
            last = number == len(cuts) - 1
            places = st.just(head) if last else st.integers(0, head)
            seen += await follow(store, count, data.draw(st.lists(places, min_size=count, max_size=count)))
        return seen

    seen = asyncio.run(run())
    assert sorted(seen) == list(range(20 * len(cuts)))
    for stream in range(7):
        assert [n for n in seen if n % 7 == stream] == [n for n in range(20 * len(cuts)) if n % 7 == stream]


async def test_a_new_cut_waits_for_whoever_follows_by_the_old_one(store: MemoryStore) -> None:
    """And begins when that one has given up its place."""
    old, new = Owner(store.checkpoints, lease=60), Owner(store.checkpoints, lease=60)
    new.pause = 0.01
    before, after = Counter(store), Counter(store)
    async with AsyncExitStack() as rest:
        async with following(before, store, owner=old) as whole:
            await whole.reached(await append(store, 0, 1, stream="a"))
            part = await rest.enter_async_context(following(after, store, owner=new, part=(0, 1 + 1)))
            other = await rest.enter_async_context(following(Counter(store), store, owner=new, part=(1, 1 + 1)))
            await whole.reached(await append(store, 2, stream="a"))
            assert not part.owned
            assert not other.owned
        await store.checkpoints.release(old.name)
        head = await append(store, 3, stream="a")
        await asyncio.gather(part.reached(head), other.reached(head))
    assert before.seen == [0, 1, 2]
    assert after.seen in ([3], [])


async def test_what_was_parked_stays_parked(store: MemoryStore) -> None:
    """Under the name of the part that its stream belongs to now."""

    async def trouble(facts: Sequence[Fact]) -> None:
        raise KeyError("x")

    counter = Counter(store)
    counter.trouble = trouble
    async with following(counter, store, attempts=1) as subscription:
        await subscription.reached(await append(store, 0, stream="a"))
    head = await append(store, 1, stream="a")
    seen = await follow(store, 3, [head] * 3)
    assert seen == []
    parked = await store.parked.list()
    assert {one.subscription for one in parked} <= {f"counter[{index}/3]" for index in range(3)}
    assert [one.position for one in parked] == [1, 2]
