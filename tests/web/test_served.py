"""The way of requests past FastAPI's outermost layers: taken where nobody could tell, and nowhere else."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.web.shop import client_of
from twofold import App, Command, Module
from twofold.web import _served

pytestmark = pytest.mark.anyio

PATH = "/commands/ring"


@dataclass(frozen=True, kw_only=True)
class Ring(Command[str]):
    breaks: bool = False


async def ring(command: Ring) -> str:
    if command.breaks:
        raise LookupError("no clapper")
    return "ding"


@pytest.fixture
def app() -> App:
    module = Module("bells")
    module.register(Ring, ring)
    return App("bells", modules=[module], database="memory:")


@pytest.fixture
def web(app: App) -> FastAPI:
    web: FastAPI = app.http()
    web.middleware_stack = web.build_middleware_stack()
    return web


@pytest.fixture
def layers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that came through the outermost layer of FastAPI."""
    seen: list[str] = []
    through = ServerErrorMiddleware.__call__

    async def noted(self: ServerErrorMiddleware, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            seen.append(scope["path"])
        await through(self, scope, receive, send)

    monkeypatch.setattr(ServerErrorMiddleware, "__call__", noted)
    return seen


@pytest.fixture
async def client(app: App, web: FastAPI, layers: list[str]) -> AsyncGenerator[httpx.AsyncClient]:
    async with client_of(app, web) as client:
        yield client


async def test_requests_go_past_the_outermost_layers(client: httpx.AsyncClient, layers: list[str]) -> None:
    """Those that fail too, which the reception answers."""
    assert (await client.post(PATH, json={})).json() == "ding"
    assert (await client.get("/openapi.json")).status_code == 200
    assert (await client.get("/nowhere")).status_code == 404
    broken = await client.post(PATH, json={"breaks": True})
    assert (broken.status_code, broken.json()["code"]) == (500, "internal_error")
    assert layers == []


@pytest.mark.parametrize("place", ["outside", "inside"])
async def test_a_layer_of_somebody_else_sees_every_request(
    app: App, web: FastAPI, layers: list[str], place: str
) -> None:
    """Wherever it was put."""
    seen: list[str] = []

    class Layer:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            seen.append(scope["path"])
            await self.app(scope, receive, send)

    web.middleware_stack = None
    web.add_middleware(Layer)
    if place == "inside":
        web.user_middleware.reverse()
    async with client_of(app, web) as client:
        for _ in range(2):
            assert (await client.post(PATH, json={})).json() == "ding"
    assert seen == [PATH] * 2


async def test_where_it_is_mounted_it_is_served_as_ever(web: FastAPI, app: App, layers: list[str]) -> None:
    """Whoever is around it may have told its layers something."""
    around = FastAPI()
    around.mount("/shop", web)
    async with client_of(app, around) as client:
        assert (await client.post(f"/shop{PATH}", json={})).json() == "ding"
    assert layers == [f"/shop{PATH}"] * 2


async def test_a_prefix_that_a_proxy_keeps_is_known(web: FastAPI, client: httpx.AsyncClient) -> None:
    """FastAPI's own way to say where it is mounted, also when it is said late."""
    web.root_path = "/shop"
    assert (await client.post(f"/shop{PATH}", json={})).json() == "ding"


async def test_a_bound_of_bodies_that_fastapi_keeps_is_kept(app: App, web: FastAPI, layers: list[str]) -> None:
    """It is for the routes that are there beside those of messages."""

    @web.post("/own")
    async def own(request: Request) -> int:
        return len(await request.body())

    web.max_body_size, web.middleware_stack = 4, None
    async with client_of(app, web) as client:
        answers = [(await client.post("/own", content=body)).status_code for body in (b"1234", b"1234", b"12345")]
    assert (answers, layers) == ([200, 200, 413], ["/own"] * 3)


async def test_who_begins_to_trace_is_noticed(
    web: FastAPI, client: httpx.AsyncClient, layers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """FastAPI tells its own spans of a request then."""
    monkeypatch.setattr(_served, "LOOK_AGAIN", 0.0)
    assert (await client.post(PATH, json={})).json() == "ding"
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry: Any = vars(web)["_native_telemetry"]
    monkeypatch.setitem(telemetry.config, "tracer_provider", provider)
    assert (await client.post(PATH, json={})).json() == "ding"
    assert layers == [PATH]
    assert [span.kind.name for span in exporter.get_finished_spans() if span.parent is None] == ["SERVER"]
