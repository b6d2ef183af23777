"""Reads at the same time: as few threads as keep up, and nobody waits because of somebody else's slow read."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from twofold.drivers.sqlite import SqliteStore
from twofold.drivers.sqlite._call import Call
from twofold.drivers.sqlite._line import Line
from twofold.drivers.sqlite._outbox import Outbox
from twofold.drivers.sqlite._waiting import WaitingLoop, WaitingThread
from twofold.errors import StoreUnavailable

pytestmark = pytest.mark.anyio

LONG = 30


class Slow:
    """A read that takes until it is let go."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.let_go = threading.Event()

    def __call__(self, connection: sqlite3.Connection) -> str:
        self.started.set()
        assert self.let_go.wait(LONG)
        return "slow"


def one(connection: sqlite3.Connection) -> int:
    found: int = connection.execute("SELECT 1").fetchone()[0]
    return found


@pytest.fixture
async def alone(path: Path) -> AsyncIterator[SqliteStore]:
    """A store with a single thread that reads."""
    store = SqliteStore(path, readers=1)
    await store.start()
    yield store
    await store.stop()


async def test_a_slow_read_holds_nobody_up(store: SqliteStore) -> None:
    """Reads that come after a slow one are answered while it still runs."""
    slow = Slow()
    waiting = asyncio.create_task(store.read(slow))
    async with asyncio.timeout(LONG):
        try:
            assert await asyncio.to_thread(slow.started.wait, LONG)
            assert await asyncio.gather(*(store.read(one) for _ in range(20))) == [1] * 20
            assert not waiting.done()
        finally:
            slow.let_go.set()
        assert await waiting == "slow"


async def test_an_answer_does_not_wait_for_the_next_read(alone: SqliteStore) -> None:
    """What was read before a slow read is told while that one runs, even by a thread that tells several together."""
    slow = Slow()
    quick, waiting = asyncio.create_task(alone.read(one)), asyncio.create_task(alone.read(slow))
    async with asyncio.timeout(LONG):
        try:
            assert await quick == 1
            assert not waiting.done()
        finally:
            slow.let_go.set()
        assert await waiting == "slow"


async def test_as_many_slow_reads_as_threads_run_side_by_side(path: Path) -> None:
    """One thread after the other joins, up to the number that the store was given."""
    store = SqliteStore(path, readers=3)
    await store.start()
    together = threading.Barrier(3)

    def meet(connection: sqlite3.Connection) -> str:
        together.wait(LONG)
        return threading.current_thread().name

    assert len(set(await asyncio.gather(*(store.read(meet) for _ in range(3))))) == 3
    await store.stop()


async def test_closing_answers_what_is_in_line(alone: SqliteStore) -> None:
    """Reads that were asked for before the store closes are answered; later ones are refused."""
    slow = Slow()
    reads = [asyncio.create_task(alone.read(work)) for work in (slow, one, one)]
    await asyncio.sleep(0)
    stopping = asyncio.create_task(alone.stop())
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable):
        await alone.read(one)
    slow.let_go.set()
    assert await asyncio.gather(*reads) == ["slow", 1, 1]
    await stopping


async def test_two_event_loops_share_the_threads(store: SqliteStore) -> None:
    """Each loop gets its own answers, however they are mixed."""

    async def read_often() -> list[int]:
        return [answer for _ in range(50) for answer in await asyncio.gather(store.read(one), store.read(one))]

    elsewhere = asyncio.to_thread(asyncio.run, read_often())
    async with asyncio.timeout(LONG):
        assert [*await asyncio.gather(read_often(), elsewhere)] == [[1] * 100, [1] * 100]


async def test_one_thread_is_awake_until_the_line_stands_still() -> None:
    """A second call wakes nobody; help comes when asked for, while there is something to do, up to the most."""
    line, outbox = Line(2), Outbox(asyncio.get_running_loop())
    calls = [(Call(one), outbox) for _ in range(3)]
    assert not line.reinforce()
    assert [line.put(call) for call in calls] == [True, False, False]
    assert line.reinforce()
    assert not line.reinforce()
    assert [line.take() for _ in range(4)] == [*calls, None]
    line.close("over")
    assert not line.rest(WaitingThread())
    with pytest.raises(StoreUnavailable, match="over"):
        line.put(calls[0])


async def test_many_answers_wake_the_loop_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is told together is told with one wake-up of the loop."""
    woken: list[object] = []
    monkeypatch.setattr(WaitingLoop, "call", lambda _, function: woken.append(function))
    outbox, calls = Outbox(asyncio.get_running_loop()), [Call(one) for _ in range(3)]
    for call in calls:
        outbox.put(call)
        outbox.send()
    assert woken == [outbox.empty]
    outbox.empty()
    async with asyncio.timeout(LONG):
        assert await asyncio.gather(*(call.answer() for call in calls)) == [None] * 3
    outbox.put(Call(one))
    outbox.send()
    assert woken == [outbox.empty] * 2
