"""Whoever is told that nothing was done finds nothing done, however commits are cancelled, and in every store."""

import asyncio
from collections import Counter
from itertools import count
from random import Random

import pytest

from twofold.errors import Decided, VersionConflict
from twofold.store import Append, Batch, Committed, MemoryStore, Store
from twofold.testing._store_case import drafts, whole_log

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> str:
    """Every store there is."""
    return str(request.param)


@pytest.mark.parametrize("held", [False, True], ids=["at once", "held"])
@pytest.mark.parametrize("cancelled", [100, pytest.param(1000, marks=pytest.mark.faults)])
async def test_cancelled_appends_are_told_the_truth(store: Store, cancelled: int, held: bool) -> None:
    """So many appends are cancelled on their way, and each is whole or absent, as its caller is told.

    What is not done has left nothing: no event, and its streams where they were. No position is stuck.
    """
    # In memory nothing is awaited in a commit, so there a unit is cancelled on its way to it.
    pauses = (0.0, 0.0, 0.01) if isinstance(store, MemoryStore) else (0.001, 0.004, 0.02)
    chance, numbers = Random(cancelled), count()
    told = dict[int, Committed | BaseException]()

    async def commit(number: int) -> Committed:
        expected = 1 if number % 10 in (0, 7) else 0
        batch = Batch((Append(f"a-{number}", drafts(2), expected), Append(f"b-{number}", drafts(1), 0)))
        transaction = store.begin()
        try:
            if held:
                await transaction.run(lambda connection: None)
            if isinstance(store, MemoryStore):
                await asyncio.sleep(0)
            return await (transaction if held else store).commit(batch)
        finally:
            await transaction.rollback()

    async def hear(number: int) -> None:
        try:
            told[number] = await commit(number)
        except (asyncio.CancelledError, VersionConflict) as outcome:
            told[number] = outcome

    async def attempt(number: int) -> None:
        task = asyncio.create_task(hear(number))
        if number % 5:  # of those that nobody cancels half are refused
            asyncio.get_running_loop().call_later(chance.random() * chance.choice(pauses), task.cancel)
        await asyncio.wait({task})

    while sum(isinstance(outcome, asyncio.CancelledError) for outcome in told.values()) < cancelled:
        assert len(told) < 100 * cancelled
        await asyncio.gather(*(attempt(next(numbers)) for _ in range(10)))
    log = Counter(event.stream for event in await whole_log(store))
    found = {number: (log[f"a-{number}"], log[f"b-{number}"]) for number in told}
    done = {number for number, outcome in told.items() if isinstance(_truth(outcome), Committed)}
    assert found == {number: (2, 1) if number in done else (0, 0) for number in told}
    kinds = Counter(type(_truth(outcome)) for outcome in told.values())
    assert kinds.keys() == {Committed, asyncio.CancelledError, VersionConflict}
    again = [name for number in told.keys() - done for name in (f"a-{number}", f"b-{number}")]
    committed = await store.commit(Batch(tuple(Append(name, drafts(1), 0) for name in again)))
    assert committed.versions == dict.fromkeys(again, 1)
    assert committed.position == await store.log.head()


def _truth(outcome: Committed | BaseException) -> object:
    """What somebody was told: of a cancellation what it has come to all the same, and itself when to nothing."""
    decided = outcome.__cause__ if isinstance(outcome, asyncio.CancelledError) else None
    if not isinstance(decided, Decided):
        return outcome
    return decided.error or decided.value or outcome


@pytest.mark.parametrize("rounds", [200, pytest.param(10_000, marks=pytest.mark.faults)])
async def test_of_two_writers_of_one_version_one_wins(store: Store, rounds: int) -> None:
    """Every time: the other one is told of a conflict, and the stream has one event for each round."""
    for version in range(rounds):
        writes = (store.commit(Batch((Append("a", drafts(1), version),))) for _ in range(2))
        told = await asyncio.gather(*writes, return_exceptions=True)
        assert {type(one) for one in told} == {Committed, VersionConflict}, told
    assert [event.version for event in await store.log.read_stream("a", limit=rounds + 1)] == [*range(1, rounds + 1)]
