"""What a process has taken is its own until its owner's term ends, and then it is asked for anew."""

from collections.abc import AsyncIterator

import pytest

from twofold.store import MemoryStore
from twofold.subscriptions import Owner, Tenure

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store() -> AsyncIterator[MemoryStore]:
    """An open store of its own for each test."""
    store = MemoryStore()
    await store.start()
    yield store
    await store.stop()


async def test_whoever_was_frozen_is_certain_of_nothing(store: MemoryStore) -> None:
    """Not even once it has shown that it lives: another one may have taken its place meanwhile."""
    now = [1000.0]
    owner = Owner(store.checkpoints, lease=5, now=lambda: now[0])
    tenure = Tenure("p", owner)
    await owner.acquire(await store.checkpoints.get("p"))
    assert await tenure.goes_on()
    assert tenure.certain
    now[0] += 60
    assert not tenure.certain
    await owner.show()
    assert owner.sure
    assert not tenure.certain
    assert not await tenure.goes_on()
    assert tenure.certain
    assert await tenure.goes_on()
