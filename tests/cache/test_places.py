"""The places where answers are kept, in memory and in Redis: what comes out, what is dropped, what room there is."""

import asyncio
import os
import secrets
import signal
import socket

import pytest
from fakeredis import TcpFakeServer
from redis.asyncio import Redis

from tests.reliability.virtual import HandClock, LoopClock, run, silent_redis
from tools.redis_server import RedisServer
from twofold.cache import Answers, Kept, StoredCaches
from twofold.cache._memory import MemoryAnswers
from twofold.cache._stored import RedisAnswers
from twofold.clock import SystemClock
from twofold.errors import StoreUnavailable

pytestmark = pytest.mark.anyio

KEY = ("prices", "1", '{"item":"tea"}', None, "ada")


@pytest.fixture(params=["memory", "redis"])
async def place(request: pytest.FixtureRequest) -> Answers:
    """A place that is empty."""
    if request.param == "memory":
        return MemoryAnswers(SystemClock())
    return RedisAnswers(request.getfixturevalue("redis_url"), SystemClock(), secrets.token_hex(4))


async def test_what_is_kept_comes_out(place: Answers) -> None:
    """Whole, under its own key only, and no more once its tag was dropped."""
    none, marks = await place.look(KEY, ("prices",))
    assert none is None
    kept = Kept(b'["line\\n"]\n', 7, marks)
    await place.keep(KEY, kept, 60)
    assert await place.look(KEY, ("prices",)) == (kept, marks)
    assert (await place.look((*KEY[:-1], None), ("prices",)))[0] is None
    await place.drop("others")
    assert (await place.look(KEY, ("prices",)))[0] == kept
    await place.drop("prices")
    assert (await place.look(KEY, ("prices",)))[0] is None
    await place.keep(KEY, kept, 60)
    assert (await place.look(KEY, ("prices",)))[0] is None
    await place.close()


async def test_memory_is_bounded() -> None:
    """What nobody has asked for longest goes first, and what takes all of the room is not kept."""
    place, kept = MemoryAnswers(HandClock(), room=2500), Kept(b"x" * 500, 0)
    for name in ("a", "b", "a", "c"):
        await place.keep((name,), kept, 60)
        await place.look(("a",), ())
    assert [(await place.look((name,), ()))[0] is not None for name in "abc"] == [True, False, True]
    await place.keep(("d",), Kept(b"x" * 5000, 0), 60)
    assert (await place.look(("d",), ()))[0] is None


async def test_processes_share_answers_in_redis_as_data(redis_url: str) -> None:
    """As JSON, under keys that tell nothing, and what is no answer is none: nothing is ever run that is found there."""
    one, other = (RedisAnswers(redis_url, SystemClock(), "shop") for _ in range(2))
    await one.keep(KEY, Kept(b"[1]", 3), 60)
    assert (await other.look(KEY, ()))[0] == Kept(b"[1]", 3)
    async with Redis.from_url(redis_url) as redis:
        (name,) = await redis.keys("shop:*")
        assert await redis.get(name) == b"[3, []]\n[1]"
        assert b"ada" not in name
        assert 0 < await redis.pttl(name) <= 60_000
        for foreign in (b"\x80\x05K\x01.", b"", b"[1]", b'{"a": 1}\n[1]', b'["x", []]\n[1]'):
            await redis.set(name, foreign)
            assert (await other.look(KEY, ()))[0] is None
    await one.close()
    await other.close()


async def test_a_mark_that_redis_forgot_takes_no_answer_back(redis_url: str) -> None:
    """An answer from before it is not given."""
    place = RedisAnswers(redis_url, SystemClock(), "shop")
    _, marks = await place.look(KEY, ("prices",))
    await place.keep(KEY, Kept(b"[1]", 0, marks), 60)
    async with Redis.from_url(redis_url) as redis:
        assert await redis.delete("shop:tag:prices") == 1
    assert (await place.look(KEY, ("prices",)))[0] is None
    await place.close()


async def test_a_redis_that_is_away_finds_nothing_and_says_when_it_cannot_drop(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is left alone for a while, and asked again then."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = probe.getsockname()
    clock = HandClock()
    place = RedisAnswers(f"redis://127.0.0.1:{address[1]}/0", clock, "shop")
    assert await place.look(KEY, ("prices",)) == (None, ("away",))
    await place.keep(KEY, Kept(b"[1]", 0), 60)
    with pytest.raises(StoreUnavailable, match="left alone"):
        await place.drop("prices")
    assert len(caplog.records) == 1
    server = TcpFakeServer(address, server_type="redis")
    running = asyncio.create_task(asyncio.to_thread(server.serve_forever))
    clock.time += 5
    await place.keep(KEY, Kept(b"[1]", 0), 60)
    assert await place.look(KEY, ()) == (Kept(b"[1]", 0), ())
    await place.close()
    server.shutdown()
    server.server_close()
    await running


async def test_a_real_redis_that_stands_still_or_dies_gives_nothing_and_comes_back(real_redis: RedisServer) -> None:
    """One that is frozen keeps nobody for longer than its patience; one that was killed has forgotten all."""
    clock = HandClock()
    place = RedisAnswers(real_redis.url, clock, "shop")
    kept = Kept(b"[1]", 0, (await place.look(KEY, ("prices",)))[1])
    await place.keep(KEY, kept, 60)

    os.kill(real_redis.pid, signal.SIGSTOP)
    assert await asyncio.wait_for(place.look(KEY, ("prices",)), 20) == (None, ("away",))
    with pytest.raises(StoreUnavailable, match="left alone"):
        await place.drop("prices")
    os.kill(real_redis.pid, signal.SIGCONT)
    clock.time += 5
    assert (await place.look(KEY, ("prices",)))[0] == kept

    real_redis.kill()
    assert await place.look(KEY, ("prices",)) == (None, ("away",))
    real_redis.start()
    clock.time += 5
    none, marks = await place.look(KEY, ("prices",))
    assert none is None
    assert marks != kept.marks
    await place.close()


def test_a_question_ends_at_the_deadline_of_who_asks(caplog: pytest.LogCaptureFixture) -> None:
    """Redis is left alone after one that was given its time, and not after one that was hurried."""

    async def main() -> list[float]:
        took = list[float]()
        async with silent_redis() as address:
            clock, loop = LoopClock(), asyncio.get_running_loop()
            place = RedisAnswers(address, clock, "shop")
            for given in (0.05, 0.05, 0.2, 0.2):
                began = loop.time()
                assert await place.look(KEY, ("prices",), clock.monotonic() + given) == (None, ("away",))
                await place.keep(KEY, Kept(b"[1]", 0), 60, clock.monotonic() + given)
                took.append(loop.time() - began)
            await place.close()
        return took

    assert run(main()) == pytest.approx([0.1, 0.1, 0.2, 0])
    assert len(caplog.records) == 1


async def test_an_answer_made_while_redis_was_away_is_not_given_once_it_is_back(redis_url: str) -> None:
    """Its tags may have been dropped meanwhile."""
    place = RedisAnswers(redis_url, SystemClock(), "shop")
    await place.keep(KEY, Kept(b"[1]", 0, ("away",)), 60)
    assert (await place.look(KEY, ("prices",)))[0] is None
    await place.close()


async def test_places_are_opened_when_they_are_first_used(redis_url: str) -> None:
    """Once each; a tag is dropped in all of them."""
    caches = StoredCaches(["memory:", redis_url, "memory:"], SystemClock(), "shop")
    assert caches.of("memory:") is caches.of("memory:")
    places = [caches.of("memory:"), caches.of(redis_url)]
    before = [(await place.look(KEY, ("t",)))[1] for place in places]
    await caches.drop("t")
    assert [(await place.look(KEY, ("t",)))[1] != old for place, old in zip(places, before, strict=True)] == [True] * 2
    await caches.close()
