"""The page about HTTP does what it says."""

import re
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.web.shop import client_of, who
from tests.web.streams import stream_of
from twofold import App

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
