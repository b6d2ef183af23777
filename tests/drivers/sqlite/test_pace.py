"""How many units share a commit: half of them while the event loop has more to do than the disk, else all."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.drivers.sqlite.conftest import StoreOn
from twofold.drivers.sqlite import SqliteStore, _pace
from twofold.drivers.sqlite._guard import GuardedConnection
from twofold.drivers.sqlite._pace import Pace
from twofold.store import Committed
from twofold.testing._store_case import append, whole_log

pytestmark = pytest.mark.anyio

Cycle = Callable[[float, float], None]


@pytest.fixture
def pace() -> Pace:
    return Pace()


@pytest.fixture
def cycle(pace: Pace, monkeypatch: pytest.MonkeyPatch) -> Cycle:
    """A commit during which the event loop works for so long, and then waits for so long."""
    now = 100.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)

    def run(works: float, waits: float) -> None:
        nonlocal now
        pace.told()
        pace.began()
        now += works
        pace.went_on()
        now += waits
        pace.ended()

    return run


def test_all_are_taken_until_the_disk_is_known(pace: Pace) -> None:
    """The first commit has everybody who waits."""
    assert not pace.overlaps
    assert pace.share(32, 0) == 256


def test_while_the_disk_is_quick_each_has_half(pace: Pace, cycle: Cycle) -> None:
    """Half of those who wait or are decided, so that as many wait as are told; and no more than one statement takes."""
    cycle(3, 2)
    assert pace.overlaps
    assert [pace.share(32, 0), pace.share(16, 16), pace.share(1, 0), pace.share(500, 0)] == [16, 16, 1, 64]


def test_a_disk_that_stays_slow_has_all_at_once(pace: Pace, cycle: Cycle) -> None:
    """One slow commit, or two, may be the write-ahead log being folded; three in a row are the disk."""
    cycle(3, 2)
    for waits in (4, 4, 2, 4, 4):
        cycle(3, waits)
        assert pace.overlaps
    cycle(3, 4)
    assert not pace.overlaps
    cycle(3, 2)
    assert pace.overlaps


def test_what_nobody_was_told_before_says_nothing(pace: Pace, cycle: Cycle) -> None:
    """A commit behind which nobody went on says nothing about how long the event loop works."""
    cycle(3, 2)
    for _ in range(5):
        pace.began()
        pace.ended()
    assert pace.overlaps


def test_units_of_several_statements_are_written_in_turn(pace: Pace, cycle: Cycle) -> None:
    """All who wait share them, and nobody waits for those who were told."""
    cycle(3, 2)
    pace.told()
    pace.interrupted()
    assert pace.share(32, 0) == 256
    pace.wait()
    cycle(3, 2)
    assert pace.overlaps


def test_nobody_waits_for_longer_than_the_disk_took(pace: Pace, cycle: Cycle) -> None:
    """An event loop that is blocked keeps nobody else from committing; one that has gone on is not waited for."""
    cycle(0, 0)
    pace.told()
    pace.wait()
    cycle(0, 1000)
    pace.told()
    pace.went_on()
    pace.wait()


class Disk(GuardedConnection):
    """A connection whose joint statements are noted by how many values they have, and may be slow to end."""

    groups: list[int]
    slow: Callable[[int], None]

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        cursor = super().execute(sql, *values)
        if sql.startswith("INSERT INTO temp."):
            self.groups.append(len(values[0]))
            Disk.slow(len(self.groups))
        return cursor


@pytest.fixture
async def store_on_disk(store_on: StoreOn, monkeypatch: pytest.MonkeyPatch) -> SqliteStore:
    monkeypatch.setattr(Disk, "groups", [], raising=False)
    monkeypatch.setattr(Disk, "slow", lambda count: None, raising=False)
    return await store_on(Disk)


async def test_those_whose_units_are_decided_go_on_while_others_are_written(
    store_on_disk: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are told before SQLite writes the next half, and not when the disk has that, too."""
    monkeypatch.setattr(_pace, "_LATE", 10_000)  # never that slow
    release, first_two = threading.Event(), asyncio.Event()
    monkeypatch.setattr(Disk, "slow", lambda count: release.wait(30) if count == 2 else None)
    done = list[str]()

    async def commit(name: str) -> Committed:
        committed = await store_on_disk.commit(append(name))
        done.append(name)
        if len(done) == 2:
            first_two.set()
        return committed

    held = store_on_disk.begin()
    await held.run(lambda connection: None)
    tasks = [asyncio.create_task(commit(name)) for name in "abcd"]
    await asyncio.sleep(0)
    await held.rollback()
    await asyncio.wait_for(first_two.wait(), 20)
    assert done == ["a", "b"]
    release.set()
    assert [committed.position for committed in await asyncio.gather(*tasks)] == [1, 2, 3, 4]


async def test_on_a_disk_that_gets_slow_halves_come_together(
    store_on_disk: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight clients have a commit for each four units; then everybody who was told comes back before the next one."""
    quick = 10
    monkeypatch.setattr(Pace, "overlaps", property(lambda pace: len(Disk.groups) < quick))
    monkeypatch.setattr(Pace, "wait", lambda pace: pace._going_on.wait(30))  # however long this machine takes

    async def client(number: int) -> None:
        for _ in range(20):
            await store_on_disk.commit(append(f"client-{number}"))

    await asyncio.gather(*map(client, range(8)))
    assert len(await whole_log(store_on_disk)) == 160
    halves, whole = Disk.groups[:quick], Disk.groups[quick + 1 : -1]
    assert len(whole) > 10
    assert {*whole} == {2 * max(halves)}
