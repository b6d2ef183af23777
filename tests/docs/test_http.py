"""The page about HTTP does what it says."""

import re
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.web.shop import client_of, who
from tests.web.streams import stream_of
from twofold import App, NotFound, TwofoldError

pytestmark = pytest.mark.anyio
PAGE = (Path(__file__).parents[2] / "docs" / "http.md").read_text()
ORDER = UUID(int=7)
GROUND = """
from dataclasses import dataclass
from uuid import UUID
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from fastapi import FastAPI
from twofold import (
    Aggregate, App, Command, Event, History, Module, NotFound, Query, Repository, Result, Success, Tag, signed_in,
)
orders = Module("orders")
app = App("orders", modules=[orders], database="memory:")
@dataclass(frozen=True, kw_only=True)
class Place(Command[None]): order_id: UUID
@dataclass(frozen=True, kw_only=True)
class AddNote(Command[None]):
    order_id: UUID
    text: str
@dataclass(frozen=True, kw_only=True)
class ShowOrder(Query["OrderShown"]): order_id: UUID
@dataclass(frozen=True, kw_only=True)
class OrderStatus(Query["int | None"]): order_id: UUID
@dataclass(frozen=True, kw_only=True)
class FollowOrder(Query["Feed"]): order_id: UUID
@dataclass(frozen=True, kw_only=True)
class Placed(Event): order_id: UUID
@dataclass(frozen=True, kw_only=True)
class Noted(Event):
    order_id: Annotated[UUID, Tag("order")]
    text: str
class Order(Aggregate):
    id: UUID
    notes = ()
    def add(self, text): self.record(Noted(order_id=self.id, text=text))
    def evolve(self, event):
        if isinstance(event, Placed): self.id = event.order_id
        else: self.notes = (*self.notes, event.text)
orders.events(Placed, Noted)
@orders.handler(path="/orders/{order_id}", method="PUT")
async def place(command: Place, repository: Repository[Order]) -> None:
    order = Order()
    order.record(Placed(order_id=command.order_id))
    await repository.save(order)
"""


def printed() -> dict[str, Any]:
    """What the page defines."""
    names: dict[str, Any] = {"who": who}
    exec(GROUND + "".join(re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)), names)
    return names


def orders() -> App:
    """The application of the page, as printed."""
    app: App = printed()["app"]
    return app


async def test_two_people_change_one_thing_as_printed() -> None:
    """What the one has seen is no more once the other has changed it."""
    app = orders()
    async with client_of(app, app.http()) as client:
        assert (await client.put(f"/orders/{ORDER}", headers={"If-None-Match": "*"})).headers["etag"] == '"1"'
        seen = (await client.get(f"/orders/{ORDER}")).headers["etag"]
        answers = [
            await client.post(f"/orders/{ORDER}/notes", json={"text": text}, headers={"If-Match": seen})
            for text in ("mine", "yours")
        ]
        assert [(one.status_code, one.headers.get("etag")) for one in answers] == [(204, '"2"'), (412, None)]
        assert (await client.get(f"/orders/{ORDER}")).json()["notes"] == ["mine"]


async def test_what_is_followed_as_printed() -> None:
    """The answer when it changes, and the events to somebody who is signed in."""
    app = orders()
    web = app.http(authenticate=who)
    async with client_of(app, web) as client:
        await client.put(f"/orders/{ORDER}")
        async with (
            stream_of(web, f"/orders/{ORDER}/status") as status,
            stream_of(web, f"/orders/{ORDER}/history", x_user="ada") as history,
            stream_of(web, f"/orders/{ORDER}/history") as refused,
        ):
            assert ((await status.event())["data"], refused.status) == ("0", 401)
            await client.post(f"/orders/{ORDER}/notes", json={"text": "mine"})
            assert (await status.event())["data"] == "1"
            assert (await history.event())["data"] == f'{{"order_id":"{ORDER}","text":"mine"}}'


async def test_a_route_of_ones_own_as_printed() -> None:
    """What it is told of who asks is what was authenticated, and nobody is a 401."""
    names = printed()
    app: App = names["app"]
    async with client_of(app, names["desk"]) as client:
        (await app.execute(names["Place"](order_id=ORDER))).unwrap()
        claimed, nobody = [
            await client.post(f"/orders/{ORDER}/claim", params={"user_id": "eve"}, headers=headers)
            for headers in ({"x-user": "ada"}, {})
        ]
        shown = (await app.execute(names["ShowOrder"](order_id=ORDER))).unwrap()
    assert (claimed.status_code, nobody.status_code, shown.notes) == (204, 401, ("ada has it",))


class Broken:
    """Somebody's middleware, which breaks."""

    def __init__(self, asgi: ASGIApp) -> None:
        self._asgi = asgi

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            raise LookupError
        await self._asgi(scope, receive, send)


async def teapot(request: Request, error: Exception) -> Response:
    return PlainTextResponse("tea", status_code=418)


async def crash() -> None:
    raise LookupError


async def missing() -> None:
    raise NotFound("no such order")


async def test_it_is_a_fastapi_application_as_printed() -> None:
    """Middleware sees whole responses, and what answers crashes gets those of routes, with the id."""
    names = printed()
    site: FastAPI = names["site"]
    site.add_api_route("/crash", crash)
    async with client_of(names["app"], site, origin="https://shop.example") as client:
        placed = await client.put(f"/orders/{ORDER}")
        crashed = await client.get("/crash")
    assert (placed.status_code, crashed.status_code, crashed.json()) == (204, 500, {"crashed": "/crash"})
    for answer in (placed, crashed):
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        assert "x-correlation-id" in answer.headers


async def test_handlers_of_errors_are_given_what_the_page_says() -> None:
    """What routes raise, and paths that lead nowhere; what a message is refused with is answered already."""
    names = printed()
    site: FastAPI = names["site"]
    site.add_exception_handler(TwofoldError, teapot)
    site.add_exception_handler(404, teapot)
    site.add_api_route("/missing", missing)
    async with client_of(names["app"], site) as client:
        paths = ("/missing", "/nowhere", f"/orders/{ORDER}")
        assert [(await client.get(path)).status_code for path in paths] == [418, 418, 404]


@pytest.mark.parametrize("attached_behind", [True, False])
async def test_middleware_that_breaks_is_answered_as_the_page_says(attached_behind: bool) -> None:
    """In front of twofold by the outermost layer, and behind it as a route."""
    app, web = orders(), FastAPI()
    if attached_behind:
        web.add_middleware(Broken)
    app.attach(web)
    if not attached_behind:
        web.add_middleware(Broken)
    transport = httpx.ASGITransport(web, raise_app_exceptions=False)
    async with app, httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        answer = await client.get("/")
    told = (answer.status_code, answer.headers["content-type"].partition(";")[0], "x-correlation-id" in answer.headers)
    assert told == (500, "application/problem+json" if attached_behind else "text/plain", attached_behind)


async def test_a_root_path_is_where_the_page_says() -> None:
    """In the address of the document, and in the types of problems."""
    app = orders()
    web = app.http()
    web.root_path = "/shop"
    async with client_of(app, web) as client:
        document, problem = (await client.get("/openapi.json")).json(), (await client.get(f"/orders/{ORDER}")).json()
    assert (document["servers"], problem["type"]) == ([{"url": "/shop"}], "/shop/problems/not_found")


async def test_it_is_mounted_as_printed() -> None:
    """It runs with what is around it, and its paths and the address in its document are below the prefix."""
    api = printed()["api"]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://x") as client:
        before = await client.put(f"/shop/orders/{ORDER}")
        async with api.router.lifespan_context(api):
            placed = await client.put(f"/shop/orders/{ORDER}")
            document = (await client.get("/shop/openapi.json")).json()
    assert (before.status_code, before.json()["detail"]) == (503, "the application is not running")
    assert (placed.status_code, document["servers"]) == (204, [{"url": "/shop"}])
