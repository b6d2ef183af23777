"""More comes than can be done, or nothing can: some is done, some waits, and all else is told when to come again."""

import asyncio
from dataclasses import dataclass

import pytest

from tests.reliability.virtual import HandClock
from tests.web.shop import client_of
from twofold import App, Command, Module, Query
from twofold.reliability import Bulkhead, CircuitBreaker

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


async def test_what_was_away_is_tried_by_one_request_before_all_others() -> None:
    """Meanwhile the others are a 503 with Retry-After; one failure shuts it again, and a success lets everybody in."""

    @dataclass(frozen=True, kw_only=True)
    class Pay(Command[str]):
        pass

    module, clock = Module("paying"), HandClock()
    answers, begun = asyncio.Queue[Exception | str](), asyncio.Queue[float]()

    async def pay(command: Pay) -> str:
        begun.put_nowait(clock.time)
        answer = await answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer

    module.register(Pay, pay, circuit_breaker=CircuitBreaker(1, open_for=30))
    app = App("paying", modules=[module], database="memory:", clock=clock)
    async with client_of(app, app.http()) as client:

        async def sent() -> tuple[int, str, str | None]:
            async with asyncio.timeout(10):  # whoever is let in waits for an answer
                answer = await client.post("/commands/pay", json={})
            said = answer.json() if answer.is_success else answer.json()["code"]
            return answer.status_code, said, answer.headers.get("retry-after")

        answers.put_nowait(ConnectionError())
        assert await sent() == (503, "unavailable", "1")
        first = await begun.get()
        clock.time += 12
        assert await sent() == (503, "circuit_open", "18")
        clock.time += 18
        answers.put_nowait(ConnectionError())
        assert await sent() == (503, "unavailable", "1")
        assert await sent() == (503, "circuit_open", "30")
        assert await begun.get() == first + 30
        clock.time += 30
        probe = asyncio.create_task(sent())
        assert await begun.get() == first + 60
        assert await asyncio.gather(*(sent() for _ in range(5))) == [(503, "circuit_open", "1")] * 5
        answers.put_nowait("paid")
        assert await probe == (200, "paid", None)
        for _ in range(5):
            answers.put_nowait("paid")
        assert await asyncio.gather(*(sent() for _ in range(5))) == [(200, "paid", None)] * 5
    assert begun.qsize() == 5
