"""A handler of one's own for whatever nothing else handles answers what crashes, as in any FastAPI application."""

import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, HTTPException
from fastapi.responses import PlainTextResponse, StreamingResponse
from starlette.requests import Request
from starlette.responses import Response

from tests.web.shop import client_of, crashes
from twofold import App, Command, Module, NotFound

pytestmark = pytest.mark.anyio

SENT = {"x-correlation-id": "abc"}


@dataclass(frozen=True, kw_only=True)
class Ring(Command[str]):
    pass


async def ring(command: Ring) -> str:
    raise LookupError("no clapper")


async def lost(request: Request, error: Exception) -> Response:
    return PlainTextResponse(f"{request.url.path}: {error!r}", status_code=500)


def blocking(request: Request, error: Exception) -> Response:
    return PlainTextResponse(f"{request.url.path}: {error!r}", status_code=500)


@pytest.fixture
def app() -> App:
    module = Module("bells")
    module.register(Ring, ring)
    return App("bells", modules=[module], database="memory:")


@pytest.fixture(params=["http", "attach"])
def web(request: pytest.FixtureRequest, app: App) -> FastAPI:
    if request.param == "http":
        made: FastAPI = app.http()
    else:
        made = FastAPI()
        app.attach(made)

    @made.get("/own/{how}")
    async def own(how: str) -> Any:
        match how:
            case "missing":
                raise NotFound("no bell")
            case "offline":
                raise ConnectionError("no rope")
            case "polite":
                raise HTTPException(418)
            case "torn":
                return StreamingResponse(torn())
            case _:
                raise LookupError("no clapper")

    async def torn() -> AsyncGenerator[bytes]:
        yield b"half"
        raise LookupError("half way")

    return made


@pytest.mark.parametrize("handler", [lost, blocking])
@pytest.mark.parametrize("key", [Exception, 500])
async def test_it_answers_what_a_route_raises(
    app: App, web: FastAPI, key: Any, handler: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, with the stamps of every response, and the log has the crash once, under the id that was told."""
    web.add_exception_handler(key, handler)
    with caplog.at_level(logging.ERROR):
        async with client_of(app, web) as client:
            answer = await client.get("/own/crash", headers=SENT)
    assert (answer.status_code, answer.text) == (500, "/own/crash: LookupError('no clapper')")
    assert answer.headers["x-correlation-id"] == "abc"
    (logged,) = caplog.records
    assert logged.getMessage() == "request abc crashed: LookupError"


async def test_it_answers_what_a_message_raises(app: App, caplog: pytest.LogCaptureFixture) -> None:
    """Such a handler sees what an endpoint raises, as all others do."""
    web = app.http()
    web.add_exception_handler(Exception, lost)
    async with client_of(app, web) as client:
        answer = await client.post("/commands/ring", json={}, headers=SENT)
    assert (answer.text, answer.headers["x-correlation-id"]) == ("/commands/ring: LookupError('no clapper')", "abc")
    assert len(crashes(caplog.records)) == 1


async def test_what_means_something_stays_what_it_is(app: App, web: FastAPI) -> None:
    """It is the last resort: errors of twofold and those that the application has classified are no crashes."""
    web.add_exception_handler(Exception, lost)
    async with client_of(app, web) as client:
        answers = [await client.get(f"/own/{how}") for how in ("missing", "offline", "polite")]
    assert [answer.status_code for answer in answers] == [404, 503, 418]


async def test_half_a_response_is_not_answered_again(app: App, web: FastAPI) -> None:
    """It is the server's to break it off."""
    web.add_exception_handler(Exception, lost)
    async with client_of(app, web) as client:
        with pytest.raises(LookupError, match="half way"):
            await client.get("/own/torn")


async def test_one_that_breaks_itself_is_a_crash_too(app: App, web: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    """It is called once, and the client is answered all the same."""
    called: list[Exception] = []

    @web.exception_handler(Exception)
    async def broken(_: Request, error: Exception) -> Response:
        called.append(error)
        raise ZeroDivisionError

    async with client_of(app, web) as client:
        answer: httpx.Response = await client.get("/own/crash", headers=SENT)
    assert (answer.status_code, answer.json()["correlation_id"]) == (500, "abc")
    assert len(called) == 1
    assert [record.getMessage().rpartition(" ")[2] for record in crashes(caplog.records)] == [
        "LookupError",
        "ZeroDivisionError",
    ]
