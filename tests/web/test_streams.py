"""How many streams are open, and how they end."""

import asyncio
import json

import httpx
import pytest

from tests.web.serving import BOUND, served, wait_until
from tests.web.shop import client_of, who
from tests.web.streams import stream_of
from tests.web.talk import QUICK, SLOW, FollowTalk, LastWords, Talk, talk_app
from twofold import Module
from twofold.errors import WiringError
from twofold.messages import Feed
from twofold.web import Streams

PATH = "/queries/last_words"


@pytest.mark.anyio
async def test_a_client_has_so_many_and_everybody_together_so_many() -> None:
    """A user wherever they come from, an address where nobody is known; a place is free again when one has left."""
    app = talk_app(Talk({"hall": "hello"}))
    web = app.http(authenticate=who, streams=Streams(per_client=1, most=3))
    async with app:
        async with stream_of(web, PATH, x_user="ada") as first:
            async with stream_of(web, PATH, x_user="ada") as second:
                assert (second.status, second.headers["retry-after"]) == (429, "5")
            async with stream_of(web, PATH, x_user="bob") as of_bob, stream_of(web, PATH) as of_nobody:
                assert (first.status, of_bob.status, of_nobody.status) == (200, 200, 200)
                async with stream_of(web, PATH) as same_address:
                    assert same_address.status == 429
                async with stream_of(web, PATH, x_user="eve") as too_many:
                    assert (too_many.status, too_many.headers["retry-after"]) == (503, "5")
        async with stream_of(web, PATH, x_user="ada") as again:
            assert again.status == 200


@pytest.mark.anyio
async def test_what_is_refused_takes_no_place() -> None:
    """A place is for who sees something."""
    talk = Talk()
    app = talk_app(talk)
    web = app.http(streams=Streams(per_client=1))
    async with app:
        for _ in range(3):
            async with stream_of(web, PATH) as refused:
                assert refused.status == 404
        talk.words["hall"] = "hello"
        async with stream_of(web, PATH) as stream:
            assert stream.status == 200


@pytest.mark.anyio
@pytest.mark.parametrize("path", [PATH, "/queries/follow_talk"])
async def test_a_slow_client_holds_nothing_up_and_is_given_up(path: str) -> None:
    """Nothing is made for it while it takes nothing; it is broken off, and the place is free again."""
    talk = Talk({"hall": "hello"})
    app = talk_app(talk)
    web = app.http(streams=Streams(per_client=1, heartbeat=0.01, pause=0.001, patience=0.2))
    async with client_of(app, web) as client:
        async with stream_of(web, path) as stream:
            await stream.block()
            stream.takes.clear()
            await client.post("/commands/say", json={"text": "a"})
            asked = talk.asked
            for number in range(50):
                await client.post("/commands/say", json={"text": str(number)})
            assert talk.asked <= asked + 2
            async with asyncio.timeout(BOUND):
                await stream.over.wait()
        async with stream_of(web, path) as again:
            assert again.status == 200


@pytest.mark.anyio
async def test_a_process_that_drains_ends_them_and_opens_none() -> None:
    """Each ends properly, so that its client comes again; whoever comes meanwhile is told when."""
    app = talk_app(Talk({"hall": "hello"}))
    web = app.http(streams=SLOW)
    async with app:
        async with stream_of(web, PATH) as one, stream_of(web, "/queries/follow_talk") as other:
            await one.event()
            web.state.drain()
            assert (await one.event(), await other.event()) == ({}, {})
        async with stream_of(web, PATH) as late:
            assert (late.status, json.loads(await late.body())["code"]) == (503, "unavailable")


@pytest.mark.anyio
async def test_an_application_that_stops_ends_them() -> None:
    """Though nobody has said that it drains."""
    app = talk_app(Talk({"hall": "hello"}))
    web = app.http(streams=QUICK)
    async with app:
        stream = stream_of(web, PATH)
        client = await stream.__aenter__()
        await client.event()
    assert "data" not in await client.block()
    await stream.__aexit__(None, None, None)


def test_a_client_that_goes_leaves_nothing_behind() -> None:
    """Over a real connection: its place is free for the next one, again and again."""
    app = talk_app(Talk({"hall": "hello"}))
    web = app.http(streams=Streams(per_client=1, heartbeat=600))
    with served(web) as (address, _):
        for _ in range(4):
            wait_until(lambda: _is_heard(address))


def _is_heard(address: str) -> bool:
    """Whether there was a place; who was there before may be about to leave it."""
    with httpx.stream("GET", f"{address}{PATH}", headers={"accept": "text/event-stream"}) as answer:
        if answer.status_code == 429:
            return False
        assert answer.status_code == 200
        assert 'data: "hello"' in answer.iter_lines()
        return True


def test_what_cannot_be_followed_is_a_fault() -> None:
    """Whatever is not got: an event source sends nothing."""
    module = Module("wrong")

    async def last(query: LastWords) -> int:
        return 1

    async def follow(query: FollowTalk) -> Feed:
        return Feed(events=())

    module.register(LastWords, last, method="POST", live=True)
    module.register(FollowTalk, follow, method="POST")
    app = talk_app(Talk())
    app.modules[:] = [module]
    found = [fault.text for fault in app.http().state.faults() if fault.code == "impossible_route"]
    assert found == ["can be followed and is offered by POST, and a stream is got"] * 2


def test_settings_that_make_no_sense_are_refused() -> None:
    """All of them at once."""
    with pytest.raises(WiringError, match="most=0, heartbeat=-1"):
        Streams(most=0, heartbeat=-1)
