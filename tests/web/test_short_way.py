"""The way of messages past FastAPI's layers for routes: taken, and noticed by nobody."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI, HTTPException
from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.web.shop import client_of
from twofold import App, Command, Module, Principal
from twofold.web._endpoint import Endpoint

pytestmark = pytest.mark.anyio

PATH = "/commands/ring"


@dataclass(frozen=True, kw_only=True)
class Ring(Command[str]):
    breaks: bool = False


class Bell:
    def __init__(self) -> None:
        self.rung = 0

    async def ring(self, command: Ring) -> str:
        self.rung += 1
        if command.breaks:
            raise LookupError("no clapper")
        return "ding"


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def app(bell: Bell) -> App:
    module = Module("bells")
    module.register(Ring, bell.ring)
    return App("bells", modules=[module], database="memory:")


@pytest.fixture
def layers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that came through the layers which FastAPI has for its routes."""
    seen: list[str] = []
    through = ExceptionMiddleware.__call__

    async def noted(self: ExceptionMiddleware, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            seen.append(scope["path"])
        await through(self, scope, receive, send)

    monkeypatch.setattr(ExceptionMiddleware, "__call__", noted)
    return seen


@pytest.fixture
async def client(app: App, web: FastAPI, layers: list[str]) -> AsyncGenerator[httpx.AsyncClient]:
    async with client_of(app, web) as client:
        yield client


@pytest.fixture
def web(app: App) -> FastAPI:
    web: FastAPI = app.http()
    return web


async def test_a_message_is_served_past_the_layers(client: httpx.AsyncClient, layers: list[str]) -> None:
    """What has an endpoint needs none of them; all else goes through them as ever."""
    answer = await client.post(PATH, json={})
    assert (answer.status_code, answer.json(), layers) == (200, "ding", [])
    assert (await client.get(PATH)).status_code == 405
    assert (await client.get("/nowhere")).status_code == 404
    assert layers == [PATH, "/nowhere"]


async def test_handlers_of_errors_see_what_an_endpoint_raises(
    web: FastAPI, client: httpx.AsyncClient, bell: Bell
) -> None:
    """A bug in a handler of a message comes to the application's own handler of errors, and is run once."""

    @web.exception_handler(LookupError)
    async def lost(request: Request, error: LookupError) -> PlainTextResponse:
        return PlainTextResponse(f"{request.url.path}: {error}", status_code=418)

    answer = await client.post(PATH, json={"breaks": True})
    assert (answer.status_code, answer.text) == (418, "/commands/ring: no clapper")
    assert bell.rung == 1


async def test_what_breaks_behind_half_a_response_begins_no_other_one(
    web: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody answers a second time: it is the server's to break the response off."""
    answered: list[Exception] = []

    @web.exception_handler(LookupError)
    async def lost(_: Request, error: LookupError) -> PlainTextResponse:
        answered.append(error)
        return PlainTextResponse("lost", status_code=418)

    async def broken(_: Endpoint, value: object, scope: Scope, origin: object, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise LookupError("half way")

    monkeypatch.setattr(Endpoint, "_answer", broken)
    with pytest.raises(LookupError, match="half way"):
        await client.post(PATH, json={})
    assert answered == []


async def test_who_authenticates_may_raise_an_error_of_http(app: App, layers: list[str]) -> None:
    """It is told as a problem, as an error of a route is."""

    async def nobody(request: Request) -> Principal | None:
        raise HTTPException(418, "who knocks?", headers={"x-why": "tea"})

    async with client_of(app, app.http(authenticate=nobody)) as client:
        answer = await client.post(PATH, json={})
    assert (answer.status_code, answer.json()["detail"], answer.headers["x-why"]) == (418, "who knocks?", "tea")


async def test_a_route_that_was_put_in_front_comes_first(web: FastAPI, client: httpx.AsyncClient, bell: Bell) -> None:
    """Routes are asked in their order, those of messages too."""

    async def silent(_: Request) -> PlainTextResponse:
        return PlainTextResponse("silence")

    web.router.routes.insert(0, Route(PATH, silent, methods=["POST"]))
    assert (await client.post(PATH, json={})).text == "silence"
    assert bell.rung == 0


class Layer:
    """Middleware that notes what comes through it, and may mark it as told to a span."""

    def __init__(self, app: ASGIApp, seen: list[str], *, traced: bool = False) -> None:
        self._asgi = app
        self._seen = seen
        self._traced = traced

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._seen.append(scope["type"])
        if self._traced:
            scope["fastapi.telemetry"] = True
        await self._asgi(scope, receive, send)


async def test_a_layer_that_was_put_inside_is_not_left_out(app: App, web: FastAPI, layers: list[str]) -> None:
    """Middleware that was put behind all others sees messages too."""
    seen: list[str] = []
    web.user_middleware.append(Middleware(Layer, seen))
    async with client_of(app, web) as client:
        assert (await client.post(PATH, json={})).json() == "ding"
    assert seen.count("http") == 1
    assert layers == [PATH]


async def test_a_span_of_fastapi_is_told_of_the_route(app: App, web: FastAPI, layers: list[str]) -> None:
    """Where FastAPI keeps a span of the request, its layers see where it leads."""
    web.add_middleware(Layer, [], traced=True)
    async with client_of(app, web) as client:
        assert (await client.post(PATH, json={})).json() == "ding"
    assert layers == [PATH]
