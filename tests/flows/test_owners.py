"""Several processes on one file: one of them works, and when it dies or freezes another one goes on where it stood."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from examples._demo.database import Database
from tests.cli.served import Served, wait_until
from tests.flows.milling import GRIND, Mill

pytestmark = pytest.mark.anyio


@pytest.fixture
async def mill(each_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Mill]:
    """A mill without a worker."""
    monkeypatch.setenv("MILL_TRACE", str(tmp_path / "trace"))
    async with Mill.on(each_database, tmp_path) as mill:
        yield mill


@pytest.fixture
def short_lease(monkeypatch: pytest.MonkeyPatch) -> float:
    """A lease that a test can wait for."""
    monkeypatch.setenv("MILL_LEASE", "0.6")
    return 0.6


@pytest.fixture
def lease(monkeypatch: pytest.MonkeyPatch) -> float:
    """A lease that is long beside what a busy machine takes for anything else."""
    monkeypatch.setenv("MILL_LEASE", "2")
    return 2.0


def owning(mill: Mill, *options: str) -> Served:
    """A worker that owns everything, since it was there first."""
    worker = mill.worker(*options)
    wait_until(lambda: mill.owner == worker.process.pid, "the first worker owns the reaction")
    return worker


def replaced(mill: Mill, heir: Served, since: float, lease: float) -> None:
    """See that a worker that looks on owns the reaction in time: it sees the last sign of life, and that none follows.

    It looks four times in a lease, so that takes a lease and a half at most; a busy machine has another lease.
    """
    wait_until(lambda: mill.owner == heir.process.pid, "the other worker owns the reaction")
    assert time.monotonic() - since < 2.5 * lease


async def test_of_two_workers_one_is_active(mill: Mill) -> None:
    """The other one begins nothing, so that what a reaction does outside of the database is done once as well."""
    first, second = owning(mill), mill.worker()
    for _ in range(20):
        await mill.pour("a", "b", "a", "c")
    wait_until(mill.done, "everything is ground")
    mill.is_exact()
    assert Counter(mill.tries) == Counter(mill.ground)
    for worker in (first, second):
        health = worker.get("/health/workers")
        assert health.status_code == 200
        assert all(one["owned"] for one in health.json()["workers"])


async def test_a_worker_is_not_told_and_looks_by_itself(mill: Mill) -> None:
    """An event that another process has appended is found by the poll, within its bound of a second and a little."""
    owning(mill)
    await mill.pour("a")
    wait_until(mill.done, "the first one is ground")
    poured = time.monotonic()
    await mill.pour("a")
    wait_until(mill.done, "the second one is ground")
    assert time.monotonic() - poured < 5
    mill.is_exact()


async def test_a_killed_owner_is_replaced_within_its_lease(mill: Mill, lease: float) -> None:
    """By a worker that looks on, with what the dead one has left undone."""
    first = owning(mill)
    second = mill.worker()
    first.signal(signal.SIGKILL)
    first.ended()
    killed = time.monotonic()
    await mill.pour("a", "b")
    replaced(mill, second, killed, lease)
    wait_until(mill.done, "the second worker has done it")
    assert f"subscription {GRIND} is taken over from" in second.errors
    assert {pid for _, _, pid in mill.ground} == {second.process.pid}
    mill.is_exact()


async def test_a_frozen_owner_comes_back_and_changes_nothing(mill: Mill, lease: float, tmp_path: Path) -> None:
    """It was in the middle of an event: another one has done it meanwhile, its own is refused, and it looks on."""
    gate = tmp_path / "gate"
    gate.mkdir()
    workers = [owning(mill), mill.worker()]
    wait_until(lambda: sorted(mill.shares.values()) == [1, 1], "one has the reaction, the other one the projection")
    first, second = sorted(workers, key=lambda one: one.process.pid != mill.owner)
    await mill.pour("a", gate=gate)
    wait_until((gate / f"started-{first.process.pid}").exists, "the owner has begun")
    await mill.freeze(first)
    replaced(mill, second, time.monotonic(), lease)
    wait_until((gate / f"started-{second.process.pid}").exists, "the other one has begun the same event")
    (gate / "go").touch()
    wait_until(mill.done, "the other one has done it")
    first.signal(signal.SIGCONT)
    wait_until(
        lambda: f"subscription {GRIND} goes on in another process" in first.errors, "the first one has found out"
    )
    assert list(mill.ground) == [("a", 0, second.process.pid)]
    await mill.pour("a", "b")
    wait_until(mill.done, "everything is ground")
    assert "Traceback" not in first.errors
    mill.is_exact()
    second.signal(signal.SIGKILL)
    await mill.pour("a")
    wait_until(mill.done, "the first one is the owner again")
    assert mill.owner == first.process.pid
    mill.is_exact()


@pytest.mark.parametrize("third", [False, pytest.param(True, marks=pytest.mark.faults)])
async def test_workers_share_evenly_whoever_comes_and_goes(
    mill: Mill, third: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven subscriptions; no event is begun twice while they change hands, and each stream keeps its order."""
    monkeypatch.setenv("MILL_LEASE", "2")
    monkeypatch.setenv("MILL_PARTITIONS", "6")

    async def even(*shares: int) -> None:
        async with asyncio.timeout(20):
            while sorted(mill.shares.values()) != [*shares]:
                await mill.pour(*"abcdefgh")

    workers = [mill.worker()]
    await even(7)
    workers.append(mill.worker())
    await even(3, 4)
    if third:
        workers.append(mill.worker())
        await even(2, 2, 3)
    workers[0].signal(signal.SIGTERM)
    assert workers[0].ended() == 0
    await even(*((3, 4) if third else (7,)))
    assert workers[0].process.pid not in mill.shares
    wait_until(mill.done, "everything is ground")
    mill.is_exact()
    # A worker that a busy machine has not let run for a whole lease is taken for dead, and says so once it runs again.
    starved = any("goes on in another process" in worker.errors for worker in workers)
    assert starved or Counter(mill.tries) == Counter(mill.ground)
    assert {pid for _, _, pid in mill.ground} == {worker.process.pid for worker in workers}


@pytest.mark.faults
async def test_a_frozen_owner_of_several_lets_go_of_all_of_them(mill: Mill, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that have nothing to do too: it begins nothing that another one does, and goes on when that one dies."""
    monkeypatch.setenv("MILL_LEASE", "2")
    monkeypatch.setenv("MILL_PARTITIONS", "6")
    first = mill.worker()
    wait_until(lambda: mill.shares == {first.process.pid: 7}, "the first one has everything")
    second = mill.worker()
    await mill.freeze(first)
    wait_until(lambda: mill.shares == {second.process.pid: 7}, "the second one has everything")
    first.signal(signal.SIGCONT)
    for _ in range(20):
        await mill.pour(*"abcdefgh")
    wait_until(mill.done, "everything is ground")
    mill.is_exact()
    assert Counter(mill.tries) == Counter(mill.ground)
    second.signal(signal.SIGKILL)
    await mill.pour(*"abcdefgh")
    wait_until(mill.done, "the first one goes on with everything")
    mill.is_exact()


@pytest.mark.parametrize("rounds", [2, pytest.param(10, marks=pytest.mark.faults)])
async def test_counts_are_exact_after_kills_at_random_moments(mill: Mill, short_lease: float, rounds: int) -> None:
    """Whatever an owner was doing when it died: view and checkpoint are one commit, and the next one goes on there."""
    random = Random(rounds)
    workers = [mill.worker(), mill.worker()]
    await mill.pour("a")
    wait_until(mill.done, "one of them has ground something")
    victim = next(one for one in workers if one.process.pid == mill.ground[-1][2])
    killed = 0
    while killed < rounds:
        for _ in range(random.randint(0, 50)):
            await mill.pour(*random.choices("abc", k=3))
        victim.signal(signal.SIGKILL)
        victim.ended()
        killed += 1
        workers = [one for one in workers if one is not victim] + [mill.worker()]
        victim = await anyone(mill, workers)
    wait_until(mill.done, "everything is ground")
    mill.is_exact()
    assert len({pid for _, _, pid in mill.ground}) > 1


async def anyone(mill: Mill, workers: list[Served]) -> Served:
    """The worker that owns the reaction now."""
    await mill.pour("a")
    pids = {worker.process.pid: worker for worker in workers}
    wait_until(lambda: mill.owner in pids, "somebody owns the reaction")
    return pids[mill.owner or 0]
