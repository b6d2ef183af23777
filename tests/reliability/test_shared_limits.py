"""Rate limits that several processes share, in a Redis: what they count, and what happens when it is not there."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncGenerator

import pytest

from tests.reliability.virtual import HandClock, LoopClock, by_type, run, silent_redis
from tools.redis_server import RedisServer
from twofold.errors import RateLimited, StoreUnavailable
from twofold.reliability import Rate, RateLimit, State, StateChange, WindowLimiters
from twofold.reliability._stored import RedisStore

pytestmark = pytest.mark.anyio


@pytest.fixture
async def silent_url() -> AsyncGenerator[str]:
    async with silent_redis() as address:
        yield address


def _absent_url() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"redis://127.0.0.1:{probe.getsockname()[1]}/0"


async def test_processes_share_what_is_counted_in_redis(redis_url: str) -> None:
    """Two that know nothing of each other let through no more together than the rate says, for each key."""
    limit = RateLimit("3/minute", store=redis_url)
    processes = [WindowLimiters(by_type({int: limit})) for _ in range(2)]
    for number in range(3):
        await processes[number % 2].of(int).admit("ada")
    for process in processes:
        with pytest.raises(RateLimited) as caught:
            await process.of(int).admit("ada")
        assert 50 < caught.value.retry_after <= 60
        await process.of(int).admit("bob")
        await process.close()


async def test_types_do_not_share_what_is_counted(redis_url: str) -> None:
    """Each has its own count, unless they share a name."""
    one = RateLimit("1/minute", store=redis_url)
    both = RateLimit("1/minute", store=redis_url, name="both")
    limiters = WindowLimiters(by_type({int: one, str: one, bytes: both, list: both}))
    await limiters.of(int).admit("")
    await limiters.of(str).admit("")
    await limiters.of(bytes).admit("")
    with pytest.raises(RateLimited):
        await limiters.of(list).admit("")
    await limiters.close()


async def test_without_its_store_a_limit_admits_or_refuses_as_it_says() -> None:
    """By default it admits: a limiter that is down does not take the application down."""
    url = _absent_url()
    settings: dict[type, RateLimit] = {
        int: RateLimit("1/minute", store=url),
        str: RateLimit("1/minute", store=url, absent="refuse"),
    }
    limiters = WindowLimiters(by_type(settings))
    await limiters.of(int).admit("")
    await limiters.of(int).admit("")
    with pytest.raises(StoreUnavailable):
        await limiters.of(str).admit("")
    await limiters.close()


async def test_a_store_that_is_gone_is_left_alone_and_looked_for_again(redis_url: str) -> None:
    """After some failures nobody asks it for a while; listeners are told, and it counts again once it is back."""
    clock, told = HandClock(), list[StateChange]()
    limiters = WindowLimiters(
        by_type({int: RateLimit("1/minute", store=_absent_url(), absent="refuse")}),
        clock=clock,
        listeners=[told.append],
    )
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="does not answer"):
            await limiters.of(int).admit("")
    with pytest.raises(StoreUnavailable, match="not called for now"):
        await limiters.of(int).admit("")
    clock.time += 5
    with pytest.raises(StoreUnavailable, match="does not answer"):
        await limiters.of(int).admit("")
    assert [change.after for change in told] == [State.OPEN, State.HALF_OPEN, State.OPEN]
    await limiters.close()


async def test_a_real_store_that_stands_still_or_dies_is_counted_in_again(real_redis: RedisServer) -> None:
    """Frozen, it keeps nobody beyond their deadline, and has what was counted; killed, it begins anew."""
    clock = HandClock()
    limit = RateLimit("1/hour", store=real_redis.url, absent="refuse")
    limiters = WindowLimiters(by_type({int: limit}), clock=clock)
    await limiters.of(int).admit("")

    os.kill(real_redis.pid, signal.SIGSTOP)
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="does not answer"):
            await limiters.of(int).admit("", clock.monotonic() + 0.2)
    with pytest.raises(StoreUnavailable, match="not called for now"):
        await limiters.of(int).admit("")
    os.kill(real_redis.pid, signal.SIGCONT)
    clock.time += 5
    with pytest.raises(RateLimited):
        await limiters.of(int).admit("")

    real_redis.kill()
    with pytest.raises(StoreUnavailable, match="does not answer"):
        await limiters.of(int).admit("")
    real_redis.start()
    await limiters.of(int).admit("")
    with pytest.raises(RateLimited):
        await limiters.of(int).admit("")
    await limiters.close()


async def test_a_store_that_never_answers_delays_nobody_for_long(silent_url: str) -> None:
    """It is given its time, and then counts as gone."""
    store = RedisStore(silent_url, HandClock(), patience=0.05)
    windows = store.windows("x", Rate.of("1/minute"))
    with pytest.raises(StoreUnavailable):
        await windows.take("")
    await store.close()


def test_a_question_ends_at_the_deadline_of_who_asks() -> None:
    """One that was given its time says that the store is gone; one that was hurried does not."""

    async def main() -> list[float]:
        took, told = list[float](), list[StateChange]()
        async with silent_redis() as address:
            clock, loop = LoopClock(), asyncio.get_running_loop()
            limiters = WindowLimiters(
                by_type({int: RateLimit("1/minute", store=address, absent="refuse")}),
                clock=clock,
                listeners=[told.append],
            )
            for given in [0.05] * 5 + [0.2] * 3:
                assert told == []
                began = loop.time()
                with pytest.raises(StoreUnavailable, match="does not answer"):
                    await limiters.of(int).admit("", clock.monotonic() + given)
                took.append(loop.time() - began)
            await limiters.close()
        assert [change.after for change in told] == [State.OPEN]
        return took

    assert run(main()) == pytest.approx([0.05] * 5 + [0.2] * 3)


async def test_a_cancelled_question_says_nothing_of_the_store(silent_url: str) -> None:
    """Senders that go away do not make a store that is there look gone."""
    told = list[StateChange]()
    limiters = WindowLimiters(by_type({int: RateLimit("1/minute", store=silent_url)}), listeners=[told.append])
    for _ in range(5):
        task = asyncio.create_task(limiters.of(int).admit(""))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert told == []
    await limiters.close()
