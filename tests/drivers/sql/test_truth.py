"""Whoever is told that nothing was done finds nothing done, however commits are cancelled, and on every database."""

import asyncio
from collections import Counter
from random import Random

import pytest

from twofold.errors import Conflict, OutcomeUnknown, VersionConflict
from twofold.store import Append, Batch, Committed, Store
from twofold.testing._store_case import drafts

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("held", [False, True], ids=["at once", "held"])
@pytest.mark.parametrize("appends", [100, pytest.param(1000, marks=pytest.mark.faults)])
async def test_cancelled_appends_are_whole_or_absent(store: Store, appends: int, held: bool) -> None:
    """An answer is there, a refusal left nothing, and what was cancelled is whole or absent; no position is stuck."""
    chance, told = Random(appends), dict[int, object]()

    async def commit(number: int) -> Committed:
        expected = 1 if number % 10 == 7 else 0
        batch = Batch((Append(f"a-{number}", drafts(2), expected), Append(f"b-{number}", drafts(1), 0)))
        if not held:
            return await store.commit(batch)
        transaction = store.begin()
        try:
            await transaction.run(lambda connection: None)
            return await transaction.commit(batch)
        finally:
            await transaction.rollback()

    async def attempt(number: int) -> None:
        task = asyncio.create_task(commit(number))
        asyncio.get_running_loop().call_later(chance.random() * chance.choice((0.002, 0.01, 0.05, 1.0)), task.cancel)
        (told[number],) = await asyncio.gather(task, return_exceptions=True)

    for first in range(0, appends, 10):
        await asyncio.gather(*map(attempt, range(first, first + 10)))
    assert (await store.commit(Batch((Append("last", drafts(1), 0),)))).position == await store.log.head()
    log = await store.log.read(0, until=await store.log.head(), limit=10 * appends)
    found = Counter(event.stream for event in log)
    for number, outcome in told.items():
        there = found[f"a-{number}"], found[f"b-{number}"]
        match outcome:
            case Committed():
                assert there == (2, 1)
            case asyncio.CancelledError() | OutcomeUnknown():
                assert there in ((2, 1), (0, 0))
            case _:
                assert isinstance(outcome, Conflict), outcome
                assert there == (0, 0)
    kinds = Counter(type(outcome) for outcome in told.values())
    assert kinds[Committed]
    assert kinds[asyncio.CancelledError]
    assert set(kinds) <= {Committed, asyncio.CancelledError, VersionConflict}


@pytest.mark.parametrize("rounds", [200, pytest.param(10_000, marks=pytest.mark.faults)])
async def test_of_two_writers_of_one_version_one_wins(store: Store, rounds: int) -> None:
    """Every time: the other one is told of a conflict, and the stream has one event for each round."""
    for version in range(rounds):
        writes = (store.commit(Batch((Append("a", drafts(1), version),))) for _ in range(2))
        told = await asyncio.gather(*writes, return_exceptions=True)
        assert {type(one) for one in told} == {Committed, VersionConflict}, told
    assert [event.version for event in await store.log.read_stream("a", limit=rounds + 1)] == [*range(1, rounds + 1)]
