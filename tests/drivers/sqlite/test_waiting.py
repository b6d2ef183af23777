"""Waking threads and event loops: by descriptors, and by the ways that Python has on every system."""

import asyncio
import gc
import os
import threading
from collections.abc import Iterator
from functools import partial

import pytest

from twofold.drivers.sqlite import _waiting
from twofold.drivers.sqlite._waiting import WaitingLoop, WaitingThread

pytestmark = pytest.mark.anyio

LONG = 30


@pytest.fixture(params=[True, False], ids=["descriptors", "everywhere"], autouse=True)
def has_events(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """With and without descriptors that count."""
    if request.param and not _waiting.HAS_EVENTS:
        pytest.skip("this system has no such descriptors")
    monkeypatch.setattr(_waiting, "HAS_EVENTS", request.param)
    _waiting._LOOPS.clear()
    yield
    _waiting._LOOPS.clear()


def test_a_thread_waits_until_it_is_woken() -> None:
    """A wake-up counts from whenever it comes, also before the thread waits, and once."""
    thread, gone_on = WaitingThread(), threading.Semaphore(0)
    thread.wake()

    def go_on_twice() -> None:
        for _ in range(2):
            thread.wait()
            gone_on.release()

    waiting = threading.Thread(target=go_on_twice)
    waiting.start()
    assert gone_on.acquire(timeout=LONG)
    assert not gone_on.acquire(timeout=0.05)
    thread.wake()
    assert gone_on.acquire(timeout=LONG)
    waiting.join(LONG)


async def test_functions_are_called_in_the_loop_in_order() -> None:
    """Each once, whoever has asked for them."""
    home, loop, done = WaitingLoop.of(asyncio.get_running_loop()), asyncio.get_running_loop(), asyncio.Event()
    called: list[tuple[int, bool]] = []

    def call(number: int) -> None:
        called.append((number, asyncio.get_running_loop() is loop))
        if number == 999:
            done.set()

    def ask() -> None:
        for number in range(1000):
            home.call(partial(call, number))

    await asyncio.to_thread(ask)
    await asyncio.wait_for(done.wait(), LONG)
    assert called == [(number, True) for number in range(1000)]
    assert WaitingLoop.of(asyncio.get_running_loop()) is home


async def test_one_that_fails_keeps_no_other_from_being_called() -> None:
    """The event loop is told of it."""
    home, loop = WaitingLoop.of(asyncio.get_running_loop()), asyncio.get_running_loop()
    done, told = asyncio.Event(), list[object]()
    loop.set_exception_handler(lambda _, context: told.append(context.get("exception")))
    home.call(lambda: told.append(1 / 0))
    home.call(done.set)
    await asyncio.wait_for(done.wait(), LONG)
    assert [type(one) for one in told] == [ZeroDivisionError]


def test_a_loop_that_is_gone_leaves_nothing_open() -> None:
    """Nobody calls what comes for it later, and its descriptor is closed with the last who could have called."""
    homes: list[WaitingLoop] = []

    async def be() -> None:
        homes.append(WaitingLoop.of(asyncio.get_running_loop()))

    asyncio.run(be())
    home = homes.pop()
    called: list[int] = []
    home.call(lambda: called.append(1))
    descriptor = home._descriptor
    gc.collect()
    assert len(_waiting._LOOPS) == 0
    del home
    gc.collect()
    assert called == []
    if descriptor >= 0:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
