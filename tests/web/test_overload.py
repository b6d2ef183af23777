"""More comes than can be done: some is done, some waits, and all else is told at once when to come again."""

import asyncio
from dataclasses import dataclass

import pytest

from tests.web.shop import client_of
from twofold import App, Command, Module, Query
from twofold.reliability import Bulkhead

pytestmark = pytest.mark.anyio


async def test_who_finds_no_room_is_told_when_to_come_again_and_queries_go_on() -> None:
    """Of ten commands one runs, one waits, and eight are a 503 with Retry-After; a query is answered meanwhile.

    Once there is room again everything is as before.
    """

    @dataclass(frozen=True, kw_only=True)
    class Work(Command[int]):
        number: int

    @dataclass(frozen=True, kw_only=True)
    class Look(Query[int]):
        pass

    module, go_on, begun = Module("busy"), asyncio.Event(), list[int]()

    async def work(command: Work) -> int:
        begun.append(command.number)
        await go_on.wait()
        return command.number

    async def look(query: Look) -> int:
        return len(begun)

    module.register(Work, work, bulkhead=Bulkhead(concurrent=1, waiting=1))
    module.register(Look, look)
    app = App("busy", modules=[module], database="memory:")
    async with client_of(app, app.http()) as client:
        sent = [asyncio.create_task(client.post("/commands/work", json={"number": number})) for number in range(10)]
        refused = [await one for one in sent[2:]]
        assert {(one.status_code, one.headers["retry-after"]) for one in refused} == {(503, "1")}
        assert {one.json()["code"] for one in refused} == {"bulkhead_full"}
        assert (await client.get("/queries/look")).json() == 1
        go_on.set()
        assert [(await one).json() for one in sent[:2]] == [0, 1]
        assert (await client.post("/commands/work", json={"number": 11})).json() == 11
