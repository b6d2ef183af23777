"""Events of the log, told as they come to whoever a query lets follow them."""

import asyncio
import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from examples._demo.database import Database
from tests.web.shop import client_of, crashes, who
from tests.web.streams import StreamClient, stream_of
from tests.web.talk import QUICK, SLOW, Talk, talk_app
from twofold import App
from twofold.clock import new_id
from twofold.store import Append, Batch, Draft

pytestmark = pytest.mark.anyio
PATH = "/queries/follow_talk"


async def texts(stream: StreamClient, count: int) -> list[str]:
    """What the next events say."""
    return [json.loads((await stream.event())["data"])["text"] for _ in range(count)]


async def said(app: App, *words: str, room: str = "hall", **headers: str) -> None:
    """Have something said."""
    for text in words:
        draft = Draft(
            new_id(),
            "said",
            1,
            json.dumps({"room": room, "text": text}).encode(),
            headers,
            datetime.now(UTC),
            (f"room:{room}",),
        )
        await app.store.commit(Batch(appends=(Append(f"room-{room}", (draft,)),)))


async def test_events_are_told_as_they_come() -> None:
    """From now on, in order: what an event is called, what is in it, and its position; nothing of its metadata."""
    app = talk_app(Talk())
    web = app.http(streams=SLOW)
    async with client_of(app, web) as client:
        await client.post("/commands/say", json={"text": "before"})
        async with stream_of(web, PATH) as stream:
            await client.post("/commands/cough")
            await client.post("/commands/say", json={"room": "attic", "text": "elsewhere"})
            done = await client.post("/commands/say", json={"text": "now"})
            assert await stream.event() == {
                "event": "said",
                "data": '{"room":"hall","text":"now"}',
                "id": done.headers["twofold-position"],
            }


async def test_who_comes_again_misses_nothing_and_is_told_nothing_twice() -> None:
    """Behind the last id that was given out, however much has been said meanwhile; a beat gives one out too."""
    app = talk_app(Talk())
    web = app.http(streams=QUICK)
    async with app:
        async with stream_of(web, f"{PATH}?after=0") as stream:
            await said(app, "a", "b")
            assert await texts(stream, 1) == ["a"]
            last = (await stream.event())["id"]
        await said(app, *"cdefgh" * 40)
        async with stream_of(web, PATH, last_event_id=last) as again:
            assert "".join(await texts(again, 240)) == "cdefgh" * 40
            await said(app, "away", room="attic")
            while (beat := await again.block()).get("id") != "243":
                assert "data" not in beat
        async with stream_of(web, PATH, last_event_id="243") as once_more:
            await said(app, "z")
            assert await texts(once_more, 1) == ["z"]


async def test_what_another_process_records_is_followed_too(each_database: Database) -> None:
    """In every database, in the order of the log, also when there was nothing to tell for a while."""
    ours, theirs = (talk_app(Talk(), database=each_database.address) for _ in range(2))
    web = ours.http(streams=QUICK)
    async with ours, theirs, stream_of(web, PATH) as stream:
        for words in ("a", "bc", "def"):
            await said(theirs, *words)
            assert await texts(stream, len(words)) == [*words]


async def test_a_query_may_say_where_it_begins() -> None:
    """For who has seen nothing; the last id counts for more."""
    app = talk_app(Talk())
    web = app.http(streams=SLOW)
    async with app:
        await said(app, "a", "b", "c")
        async with stream_of(web, f"{PATH}?after=1") as stream:
            assert await texts(stream, 2) == ["b", "c"]
        async with stream_of(web, f"{PATH}?after=1", last_event_id="2") as stream:
            assert await texts(stream, 1) == ["c"]


@pytest.mark.parametrize("sent", [["4"], ["-1"], ["a"], ["1.0"], ["9" * 30], ["²"], ["1", "1"]])
async def test_an_id_that_was_never_given_out_is_refused(sent: list[str]) -> None:
    """With the header's name; and so is one that comes twice."""
    app = talk_app(Talk())
    web = app.http(streams=SLOW)
    async with client_of(app, web) as client:
        await said(app, "a")
        headers = [(b"accept", b"text/event-stream"), *((b"last-event-id", one.encode()) for one in sent)]
        async with asyncio.timeout(10):  # it would be followed for ever
            answer = await client.get(PATH, headers=headers)
        assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (400, ["Last-Event-ID"])


async def test_a_tenant_follows_its_own_events_alone() -> None:
    """Whoever has none follows those of nobody; what others say shows nowhere, not as an id of an event either."""
    app = talk_app(Talk())
    web = app.http(streams=SLOW, authenticate=who)
    async with (
        app,
        stream_of(web, PATH, x_user="ada", x_tenant="acme") as of_acme,
        stream_of(web, PATH, x_user="ada", x_tenant="bolt") as of_bolt,
        stream_of(web, PATH, x_user="ada") as of_nobody,
    ):
        await said(app, "acme's", tenant="acme")
        await said(app, "bolt's", tenant="bolt")
        await said(app, "nobody's")
        assert [await texts(one, 1) for one in (of_acme, of_bolt, of_nobody)] == [["acme's"], ["bolt's"], ["nobody's"]]
        await said(app, "end", tenant="acme")
        assert await texts(of_acme, 1) == ["end"]


async def test_who_may_not_follow_any_more_is_told_no_further_event() -> None:
    """Its policies are asked before each delivery, though no heartbeat is due."""
    talk = Talk()
    app = talk_app(talk)
    web = app.http(streams=SLOW, authenticate=who)
    async with app, stream_of(web, PATH, x_user="ada") as stream:
        await said(app, "a")
        assert await texts(stream, 1) == ["a"]
        talk.allowed = False
        await said(app, "secret")
        last = await stream.event()
        assert (last["event"], json.loads(last["data"])["status"]) == ("problem", 403)
        assert await stream.event() == {}
        async with stream_of(web, PATH, x_user="ada") as refused:
            assert refused.status == 403


async def test_what_nobody_understands_is_told_and_passed(caplog: pytest.LogCaptureFixture) -> None:
    """It ends no stream, is logged, and the events behind it come."""
    app = talk_app(Talk())
    web = app.http(streams=SLOW)
    with caplog.at_level(logging.INFO):
        async with app, stream_of(web, PATH) as stream:
            broken = Draft(new_id(), "said", 1, b'{"room":"hall"}', {}, datetime.now(UTC), ("room:hall",))
            await app.store.commit(Batch(appends=(Append("room-hall", (broken,)),)))
            await said(app, "b")
            assert await stream.event() == {"event": "undecodable", "data": "{}", "id": "1"}
            assert await texts(stream, 1) == ["b"]
    assert len(crashes(caplog.records)) == 1


async def test_it_is_for_who_accepts_a_stream() -> None:
    """There is no other form of it, and it is described as what it is."""
    app = talk_app(Talk())
    async with client_of(app, app.http(streams=SLOW)) as client:
        answer = await client.get(PATH)
        assert (answer.status_code, answer.json()["hint"]) == (406, "send accept: text/event-stream")
        assert (await client.head(PATH, headers={"accept": "text/event-stream"})).status_code == 406
        document: Any = (await client.get("/openapi.json")).json()["paths"]
    follow, last = document[PATH]["get"], document["/queries/last_words"]["get"]
    assert list(follow["responses"]["200"]["content"]) == ["text/event-stream"]
    assert set(last["responses"]["200"]["content"]) == {"application/json", "text/event-stream"}
    for operation in (follow, last):
        assert "Last-Event-ID" in {one["name"] for one in operation["parameters"]}
    assert ("406" in follow["responses"], "406" in last["responses"]) == (True, False)
    assert ["304" in one["responses"] for one in (follow, last)] == [False, True]
    assert ["ETag" in one["responses"]["200"].get("headers", {}) for one in (follow, last)] == [False, True]
    names = [{one["name"] for one in operation["parameters"]} for operation in (follow, last)]
    assert ["If-None-Match" in one for one in names] == [False, True]
