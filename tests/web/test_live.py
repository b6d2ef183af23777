"""The answer of a query, told again whenever it is another one."""

import json
import logging

import pytest

from tests.web.shop import SECRET, client_of, crashes, who
from tests.web.streams import stream_of
from tests.web.talk import QUICK, SLOW, Talk, talk_app
from twofold import Unavailable

pytestmark = pytest.mark.anyio
PATH = "/queries/last_words"


async def test_an_answer_is_told_again_when_it_is_another_one() -> None:
    """What there is first, then what an event has brought; an event that changes nothing tells nothing."""
    app = talk_app(Talk({"hall": "hello"}))
    web = app.http(streams=SLOW)
    async with client_of(app, web) as client, stream_of(web, PATH) as stream:
        assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream")
        assert (stream.headers["cache-control"], stream.headers["vary"]) == ("no-store", "accept")
        assert (await stream.event())["data"] == '"hello"'
        await client.post("/commands/cough")
        said = await client.post("/commands/say", json={"text": "goodbye"})
        told = await stream.event()
        assert (told["data"], told["id"]) == ('"goodbye"', said.headers["twofold-position"])
        answer = await client.get(PATH)
        assert (answer.json(), answer.headers["vary"]) == ("goodbye", "accept")  # no cache takes one for the other


async def test_what_is_refused_is_a_problem_before_anything_was_told() -> None:
    """By a policy, by what was sent, and where nothing is found: as without a stream."""
    talk = Talk()
    app = talk_app(talk)
    web = app.http(streams=SLOW, authenticate=who)
    async with app:
        for path, headers, status in (
            (PATH, {}, 404),
            (f"{PATH}?x=1", {}, 400),
            (PATH, {"last_event_id": "x"}, 400),
            (PATH, {"last_event_id": "7"}, 400),
            (PATH, {"last_event_id": "9" * 30}, 400),
        ):
            async with stream_of(web, path, **headers) as stream:
                assert (stream.status, json.loads(await stream.body())["status"]) == (status, status)
        talk.allowed = False
        async with stream_of(web, PATH, x_user="ada") as stream:
            assert (stream.status, stream.headers["content-type"]) == (403, "application/problem+json")


async def test_who_may_not_see_it_any_more_is_told_so_and_sees_no_more() -> None:
    """A heartbeat later at most, though nothing has happened; the problem is the last that comes."""
    talk = Talk({"hall": "hello"})
    app = talk_app(talk)
    web = app.http(streams=QUICK, authenticate=who)
    async with client_of(app, web) as client, stream_of(web, PATH, x_user="ada") as stream:
        await stream.event()
        talk.allowed = False
        last = await stream.event()
        assert (last["event"], json.loads(last["data"])["status"]) == ("problem", 403)
        await client.post("/commands/say", json={"text": SECRET})
        assert await stream.event() == {}


async def test_who_is_not_known_any_more_sees_no_more() -> None:
    """Whoever opens a stream is authenticated again, and nobody takes the stream of somebody else over."""
    talk, now = Talk({"hall": "hello"}), {"user": "ada"}

    async def authenticate(request: object) -> object:
        return await who(type("Request", (), {"headers": {"x-user": now["user"]}}))

    app = talk_app(talk)
    web = app.http(streams=QUICK, authenticate=authenticate)
    async with app, stream_of(web, PATH) as stream:
        await stream.event()
        now["user"] = "eve"
        last = await stream.event()
        assert (last["event"], json.loads(last["data"])["status"]) == ("problem", 401)


async def test_what_passes_by_itself_does_not_end_it() -> None:
    """It goes on with the next answer once there is one."""
    talk = Talk({"hall": "hello"})
    app = talk_app(talk)
    web = app.http(streams=QUICK)
    async with app, stream_of(web, PATH) as stream:
        await stream.event()
        talk.trouble = Unavailable("not now")
        asked = talk.asked
        while talk.asked < asked + 3:
            assert "data" not in await stream.block()
        talk.words["hall"], talk.trouble = "back", None
        assert (await stream.event())["data"] == '"back"'


async def test_a_bug_ends_it_and_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged once, with its traceback, and the client is told as of any other bug."""
    talk = Talk({"hall": "hello"})
    app = talk_app(talk)
    web = app.http(streams=QUICK)
    with caplog.at_level(logging.INFO):
        async with app, stream_of(web, PATH) as stream:
            await stream.event()
            talk.trouble = KeyError(SECRET)
            last = await stream.event()
            assert (last["event"], json.loads(last["data"])["code"]) == ("problem", "internal_error")
            assert SECRET not in last["data"]
            assert await stream.event() == {}
    assert len(crashes(caplog.records)) == 1


async def test_a_stream_that_is_silent_lives() -> None:
    """Comments say so; after one that has nothing to tell, a client that comes again need not look there again."""
    app = talk_app(Talk({"hall": "hello"}))
    web = app.http(streams=QUICK)
    async with app, stream_of(web, PATH) as stream:
        await stream.event()
        for _ in range(3):
            assert "data" not in await stream.block()


async def test_an_answer_is_asked_for_again_only_when_its_events_arrive() -> None:
    """Where its handler says what it reads; one beside it that says nothing is asked again at each of the others."""
    talk = Talk({"hall": "hello"})
    app = talk_app(talk, reading=True)
    web = app.http(streams=SLOW)
    async with (
        client_of(app, web) as client,
        stream_of(web, PATH) as stream,
        stream_of(web, "/queries/count_coughs") as other,
    ):
        assert [(await one.event())["data"] for one in (stream, other)] == ['"hello"', "0"]
        for number in range(1, 6):
            await client.post("/commands/cough")
            assert (await other.event())["data"] == str(number)
        await client.post("/commands/say", json={"text": "goodbye"})
        assert (await stream.event())["data"] == '"goodbye"'
        assert talk.asked == 3
