"""The page about HTTP does what it says."""

import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.web.shop import client_of
from twofold import App

pytestmark = pytest.mark.anyio
PAGE = (Path(__file__).parents[2] / "docs" / "http.md").read_text()
ORDER = UUID(int=7)
GROUND = """
from dataclasses import dataclass
from uuid import UUID
from twofold import Aggregate, Command, Event, History, Module, NotFound, Query, Repository, Result, Success
orders = Module("orders")
@dataclass(frozen=True, kw_only=True)
class Place(Command[None]): order_id: UUID
@dataclass(frozen=True, kw_only=True)
class AddNote(Command[None]):
    order_id: UUID
    text: str
@dataclass(frozen=True, kw_only=True)
class ShowOrder(Query["OrderShown"]): order_id: UUID
@dataclass(frozen=True, kw_only=True)
class Placed(Event): order_id: UUID
@dataclass(frozen=True, kw_only=True)
class Noted(Event): text: str
class Order(Aggregate):
    id: UUID
    notes = ()
    def add(self, text): self.record(Noted(text=text))
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


def orders() -> App:
    """The application of the page, as printed."""
    names: dict[str, Any] = {}
    exec(GROUND + "".join(re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)), names)
    return App("orders", modules=[names["orders"]], database="memory:")


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
