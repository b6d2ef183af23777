"""Writing behind an answer has bounds: how long it is waited for, and how much of it there may be."""

import asyncio

import pytest

from twofold.clock import SystemClock, new_id
from twofold.messages import NOWHERE, Context
from twofold.store import Behind

pytestmark = pytest.mark.anyio


def late() -> Context:
    """The context of a message whose deadline has passed."""
    return Context(NOWHERE, None, SystemClock(), new_id, None, 0.0)


async def test_whoever_is_late_goes_on_and_the_end_waits() -> None:
    """A moment is given to it, and no more."""
    behind, free, written = Behind(), asyncio.Event(), list[int]()

    async def write() -> None:
        await free.wait()
        written.append(1)

    await behind.see_to(write(), late())
    assert written == []
    free.set()
    await behind.end()
    assert written == [1]


async def test_a_cancellation_comes_behind_it() -> None:
    """Whoever is cancelled while it is written is told so when it is."""
    behind, begun, free, written = Behind(), asyncio.Event(), asyncio.Event(), list[int]()

    async def write() -> None:
        begun.set()
        await free.wait()
        written.append(1)

    waiting = asyncio.create_task(behind.see_to(write(), Context(NOWHERE)))
    await begun.wait()
    waiting.cancel()
    await asyncio.sleep(0)
    assert not waiting.done()
    free.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert written == [1]


async def test_no_more_than_a_thousand_are_behind() -> None:
    """Whoever comes on top of them waits to the end, so that they cannot grow without one."""
    behind, free = Behind(), asyncio.Event()

    async def write() -> None:
        await free.wait()

    await asyncio.gather(*(behind.see_to(write(), late()) for _ in range(1000)))
    one_more = asyncio.create_task(behind.see_to(write(), late()))
    done, _ = await asyncio.wait({one_more}, timeout=0.3)
    assert not done
    free.set()
    await one_more
    await behind.end()
