"""The way of requests past FastAPI's outer layers: taken where those would do nothing, and nowhere else."""

import functools
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.applications import Starlette
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.web.serving import served
from twofold import App, Command, Module, Query

PATH = "/commands/ring"


@dataclass(frozen=True, kw_only=True)
class Ring(Command[str]):
    breaks: bool = False


async def ring(command: Ring) -> str:
    if command.breaks:
        raise LookupError("no clapper")
    return "ding"


@dataclass(frozen=True, kw_only=True)
class Look(Query[str]):
    name: str


async def look(query: Look) -> str:
    return query.name


@pytest.fixture
def web() -> FastAPI:
    module = Module("bells")
    module.register(Ring, ring)
    module.handler(path="/tower/{name}")(look)
    web: FastAPI = App("bells", modules=[module], database="memory:").http()
    return web


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that came through FastAPI's outermost layer."""
    paths: list[str] = []
    through = ServerErrorMiddleware.__call__

    async def noted(self: ServerErrorMiddleware, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            paths.append(scope["path"])
        await through(self, scope, receive, send)

    monkeypatch.setattr(ServerErrorMiddleware, "__call__", noted)
    return paths


def post(asgi: ASGIApp, path: str = PATH, *, breaks: bool = False) -> httpx.Response:
    """What a real server of it answers."""
    with served(asgi) as (address, _):
        return httpx.post(f"{address}{path}", json={"breaks": breaks})


def test_requests_come_to_the_reception_at_once(web: FastAPI, seen: list[str]) -> None:
    """Nothing that is in front of it has to do with a message, nor with a page."""

    @web.get("/own")
    async def own(request: Request) -> bool:
        return request.app is web

    with served(web) as (address, _), httpx.Client(base_url=address) as client:
        assert client.post(PATH, json={}).json() == "ding"
        assert client.get("/own").json() is True
        assert client.get("/nowhere").status_code == 404
    assert seen == []


def test_a_bug_is_answered_and_logged_there(web: FastAPI, seen: list[str], caplog: pytest.LogCaptureFixture) -> None:
    """The layer that answers what nobody else has is not missed."""
    with caplog.at_level(logging.ERROR, logger="twofold.web"):
        answer = post(web, breaks=True)
    assert (answer.status_code, answer.json()["status"]) == (500, 500)
    assert "LookupError" in caplog.text
    assert seen == []


def test_a_handler_for_everything_is_called_there(web: FastAPI, seen: list[str]) -> None:
    """It answers a crash, and what goes well comes no longer way for it."""

    @web.exception_handler(Exception)
    async def lost(_: Request, error: Exception) -> PlainTextResponse:
        return PlainTextResponse(f"lost: {error}", status_code=500)

    answer = post(web, breaks=True)
    assert (answer.status_code, answer.text) == (500, "lost: no clapper")
    assert "x-correlation-id" in answer.headers
    assert seen == []


class Layer:
    """Somebody's middleware, which breaks."""

    def __init__(self, app: ASGIApp) -> None:
        self._asgi = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            raise LookupError("no clapper")
        await self._asgi(scope, receive, send)


def layered(web: FastAPI) -> None:
    web.add_middleware(Layer)


def below(web: FastAPI) -> None:
    web.root_path = "/bells"


@pytest.mark.parametrize("changed, status", [(layered, 500), (below, 200)])
def test_what_is_set_up_otherwise_goes_through_all_layers(
    web: FastAPI, seen: list[str], changed: Callable[[FastAPI], None], status: int
) -> None:
    """Where a layer of somebody else's is in front, FastAPI answers what that breaks; a path in front is FastAPI's."""
    changed(web)
    assert post(web).status_code == status
    assert seen == [PATH]


def below_prefix(web: FastAPI, prefix: str) -> FastAPI:
    """An application that it is mounted in, and that starts it."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        async with web.router.lifespan_context(web):
            yield

    outer = FastAPI(lifespan=lifespan)
    outer.mount(prefix, web)
    return outer


def test_below_another_application_all_is_as_it_is_there(web: FastAPI, seen: list[str]) -> None:
    """An application that is mounted has layers of both around it, also when it is started once more."""
    outer = below_prefix(web, "/bells")
    for _ in range(2):
        assert post(outer, f"/bells{PATH}").json() == "ding"
    assert seen == [f"/bells{PATH}"] * 4


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """The spans that go to a provider which is set."""
    kept, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    return kept


def routes_of(kept: InMemorySpanExporter) -> dict[str, object]:
    """The routes of the requests that FastAPI has told, by the names of their spans."""
    spans = [span for span in kept.get_finished_spans() if span.name.startswith(("GET", "POST"))]
    return {span.name: (span.attributes or {}).get("http.route") for span in spans}


@pytest.mark.parametrize("cls", [FastAPI, Starlette])
@pytest.mark.parametrize("is_hidden", [False, True])
def test_whoever_has_wrapped_fastapi_sees_every_request(
    web: FastAPI, seen: list[str], monkeypatch: pytest.MonkeyPatch, cls: Any, is_hidden: bool
) -> None:
    """As tools that report errors do, before the application starts; a wrapper may look like what it wraps."""
    reported, through = list[str](), cls.__call__

    async def report(self: Any, scope: Scope, receive: Receive, send: Send) -> None:
        reported.append(scope.get("path", ""))
        await through(self, scope, receive, send)

    monkeypatch.setattr(cls, "__call__", functools.wraps(through)(report) if is_hidden else report)
    assert post(web).json() == "ding"
    assert (seen, PATH in reported) == ([PATH], True)


def test_spans_of_fastapi_see_every_request(web: FastAPI, seen: list[str], kept: InMemorySpanExporter) -> None:
    """FastAPI's own span of a request is there, where a provider was set before the application started."""
    assert post(web).json() == "ding"
    assert seen == [PATH]
    assert routes_of(kept) == {f"POST {PATH}": PATH}


@pytest.mark.parametrize("prefix", ["", "/bells"])
def test_spans_of_fastapi_are_called_by_the_paths_of_messages(
    web: FastAPI, prefix: str, kept: InMemorySpanExporter
) -> None:
    """As those of routes are: by the path with its fields, and with what is in front where it is mounted."""
    outer = below_prefix(web, prefix) if prefix else web
    with served(outer) as (address, _), httpx.Client(base_url=f"{address}{prefix}") as client:
        assert client.get("/tower/south").json() == "south"
        assert client.post(PATH, json={"breaks": True}).status_code == 500
        assert client.get(PATH).status_code == 405
        assert client.get("/tower").status_code == 404
    told = {
        f"{method} {prefix}{path}": f"{prefix}{path}" for method, path in (("GET", "/tower/{name}"), ("POST", PATH))
    }
    nowhere = {"GET /bells/{path}": "/bells/{path}"} if prefix else {"GET": None}
    assert routes_of(kept) == told | nowhere


@pytest.mark.parametrize(
    "api, asked, provider",
    [(metrics, "get_meter_provider", MeterProvider), (_logs, "get_logger_provider", LoggerProvider)],
)
def test_so_do_its_metrics_and_logs(
    web: FastAPI, seen: list[str], monkeypatch: pytest.MonkeyPatch, api: ModuleType, asked: str, provider: type
) -> None:
    """Each of the three is enough."""
    monkeypatch.setattr(api, asked, provider)
    assert post(web).json() == "ding"
    assert seen == [PATH]
