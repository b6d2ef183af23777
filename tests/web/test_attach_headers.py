"""What the headers of a request say of its command holds in routes of one's own as in those of the application."""

from decimal import Decimal
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Response

from tests.app.till import Paid, Pay, Till, taken
from tests.web.shelves import Fill, PutUp, ShowShelf, shelves_app
from tests.web.shop import client_of
from twofold import App, Caller, CommandBus, Dispatcher
from twofold.web import resolve, respond

pytestmark = pytest.mark.anyio
KEY = "Idempotency-Key"
WAYS = ("bus", "dispatcher", "caller", "bound", "service")
ONE: dict[str, Any] = {"amount": "1.50"}


class Cashier:
    """A service that sends commands."""

    def __init__(self, commands: CommandBus) -> None:
        self.commands = commands


def till_web(till: Till) -> tuple[App, FastAPI]:
    """A till in an application of one's own, with a route for each way of sending a command."""
    till.module.provide(Cashier, Cashier)
    app, web = till.app(), FastAPI()
    app.attach(web)
    assert app.check() == []
    (handler,) = app.router.handlers(Pay)

    @web.post("/bus")
    async def by_bus(body: Pay, bus: Annotated[CommandBus, Depends()]) -> Response:
        return respond(await bus.execute(body))

    @web.post("/dispatcher")
    async def by_dispatcher(body: Pay, dispatcher: Annotated[Dispatcher, Depends()]) -> Response:
        return respond(await dispatcher.dispatch(body))

    @web.post("/caller")
    async def by_caller(body: Pay, caller: Annotated[Caller, Depends()]) -> Response:
        return respond(await caller.execute(body))

    @web.post("/bound")
    async def by_handler(body: Pay, pay: Annotated[Any, Depends(resolve(handler.target))]) -> Response:
        return respond(await pay.execute(body))

    @web.post("/service")
    async def by_service(body: Pay, cashier: Annotated[Cashier, Depends(resolve(Cashier))]) -> Response:
        return respond(await cashier.commands.execute(body))

    @web.post("/events")
    async def tell(caller: Annotated[Caller, Depends()]) -> Response:
        return respond(await caller.publish(Paid(amount=Decimal(1))))

    @web.post("/twice")
    async def twice(bus: Annotated[CommandBus, Depends()]) -> Response:
        (await bus.execute(Pay(amount=Decimal(1)))).unwrap()
        return respond(await bus.execute(Pay(amount=Decimal(2))))

    return app, web


@pytest.mark.parametrize("way", WAYS)
async def test_a_key_is_one_command(way: str) -> None:
    """Two requests with one key are handled once and answered alike, by whatever a route sends its command."""
    till = Till()
    app, web = till_web(till)
    async with client_of(app, web, **{KEY: "k-1"}) as client:
        first, again = [await client.post(f"/{way}", json=ONE) for _ in range(2)]
        assert (first.status_code, again.text) == (200, first.text)
        other = await client.post(f"/{way}", json={"amount": "2"})
        assert (other.status_code, other.json()["code"]) == (409, "key_conflict")
        assert await taken(app) == 1


@pytest.mark.parametrize("way", WAYS)
async def test_an_impossible_header_is_a_400(way: str) -> None:
    """Of either header, and nothing is done."""
    till = Till()
    app, web = till_web(till)
    async with client_of(app, web) as client:
        for headers, field in (({KEY: "k" * 256}, None), ({"If-Match": "seven"}, "If-Match")):
            refused = await client.post(f"/{way}", json=ONE, headers=headers)
            assert refused.status_code == 400, refused.text
            assert field is None or [one["field"] for one in refused.json()["errors"]] == [field]
    assert till.begun == []


async def test_a_second_command_of_the_request_is_another_one() -> None:
    """One key cannot name both: the second, of the same type with other fields, is a conflict."""
    app, web = till_web(Till())
    async with client_of(app, web, **{KEY: "k-1"}) as client:
        refused = await client.post("/twice")
        assert (refused.status_code, refused.json()["code"]) == (409, "key_conflict")
        assert (await client.post("/twice", headers={KEY: "k-2"})).status_code == 409
        assert await taken(app) == 2


async def test_an_event_has_neither_key_nor_version() -> None:
    """What is published is about no command: it is recorded as it is without the headers."""
    app, web = till_web(Till())
    async with client_of(app, web, **{KEY: "k-1", "If-Match": '"7"'}) as client:
        assert [(await client.post("/events")).status_code for _ in range(2)] == [204, 204]
        assert await taken(app) == 2


@pytest.fixture
def shelves() -> tuple[App, FastAPI]:
    """Shelves in an application of one's own."""
    app, web = shelves_app(), FastAPI()
    app.attach(web)

    @web.put("/mine/{name}")
    async def put_up(name: str, bus: Annotated[CommandBus, Depends()]) -> Response:
        return respond(await bus.execute(PutUp(name=name)), status=201)

    @web.post("/mine/{name}")
    async def fill(name: str, caller: Annotated[Caller, Depends()]) -> Response:
        return respond(await caller.execute(Fill(name=name)))

    @web.get("/mine/{name}")
    async def show(name: str, caller: Annotated[Caller, Depends()]) -> Response:
        await caller.execute(Fill(name=name))
        return respond(await caller.execute(ShowShelf(name=name)))

    return app, web


async def test_what_has_changed_is_not_changed_again(shelves: tuple[App, FastAPI]) -> None:
    """At another version than `If-Match` says nothing is done, and `If-None-Match: *` makes a thing once."""
    app, web = shelves
    async with client_of(app, web) as client:
        new = {"If-None-Match": "*"}
        assert [(await client.put("/mine/a", headers=new)).status_code for _ in range(2)] == [201, 412]
        seen = {"If-Match": '"1-abc"'}
        answers: list[httpx.Response] = [await client.post("/mine/a", headers=seen) for _ in range(2)]
        assert [one.status_code for one in answers] == [200, 412]


async def test_what_a_get_knows_is_about_its_answer(shelves: tuple[App, FastAPI]) -> None:
    """A browser that asks whether its answer still holds says nothing of a command that the route sends beside."""
    app, web = shelves
    async with client_of(app, web) as client:
        await client.put("/mine/a")
        answer = await client.get("/mine/a", headers={"If-None-Match": '"1-abc"'})
        assert (answer.status_code, answer.json()["pieces"]) == (200, 1)
