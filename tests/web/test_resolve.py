"""Services and handlers of an application in routes of one's own."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Response

from tests.web.shop import client_of, who
from twofold import App, Command, CommandBus, CommandHandler, Context, Module, Query, QueryBus, Result, Success
from twofold.clock import Clock
from twofold.web import resolve, respond

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Greet(Command[str]):
    name: str


@dataclass(frozen=True, kw_only=True)
class Ask(Query[str]):
    name: str


class Rates:
    """Lives as long as the application."""


class Basket:
    """Lives as long as a message, or a request."""

    opened = 0
    closed = 0

    def __init__(self, rates: Rates) -> None:
        self.rates = rates


async def basket(rates: Rates) -> AsyncIterator[Basket]:
    Basket.opened += 1
    yield Basket(rates)
    Basket.closed += 1


class GreetHandler(CommandHandler[Greet, str]):
    def __init__(self, basket: Basket) -> None:
        self.basket = basket

    def validate(self, message: Greet) -> bool:
        return message.name != "nobody"

    async def handle(self, message: Greet) -> Result[str]:
        context = self.message_context
        return Success(f"hello {message.name} from {context and context.user_id}")


class Asking:
    """Several queries in one class."""

    async def ask(self, query: Ask, context: Context) -> str:
        return f"{query.name} asked by {context.user_id}"


class Greetings:
    """An application service over the buses."""

    def __init__(self, commands: CommandBus, queries: QueryBus) -> None:
        self.commands = commands
        self.queries = queries


def greeting_module() -> Module:
    module = Module("greeting")
    module.provide(Rates, scope="app")
    module.provide(Basket, basket)
    module.provide(Greetings, scope="app")
    module.handler(GreetHandler)
    module.handlers(Asking)
    return module


async def test_any_service_can_be_resolved() -> None:
    """Services of the application are shared, those of a message live as long as the request and are closed after."""
    app, web = App("hello", modules=[greeting_module()], database="memory:"), FastAPI()
    app.attach(web)

    @web.get("/")
    async def route(
        rates: Annotated[Rates, Depends(resolve(Rates))],
        one: Annotated[Basket, Depends(resolve(Basket))],
        two: Annotated[Basket, Depends(resolve(Basket))],
    ) -> list[Any]:
        return [id(rates), one is two, one.rates is rates, Basket.opened - Basket.closed]

    async with client_of(app, web) as client:
        first, second = [(await client.get("/")).json() for _ in range(2)]
    assert first == second
    assert first[1:] == [True, True, 1]
    assert Basket.opened == Basket.closed == 2


async def test_a_service_is_resolved_by_its_protocol() -> None:
    """Any protocol that the application provides something for, also one that `isinstance` does not take."""
    app, web = App("hello", modules=[greeting_module()], database="memory:"), FastAPI()
    app.attach(web)

    @web.get("/")
    async def route(clock: Annotated[Clock, Depends(resolve(Clock))]) -> bool:
        return clock is app.clock

    async with client_of(app, web) as client:
        assert (await client.get("/")).json() is True


async def test_a_handler_is_resolved_behind_its_pipeline() -> None:
    """It has its own methods and `execute`, validates, runs in its transaction, and knows who asks."""
    app, web = App("hello", modules=[greeting_module()], database="memory:"), FastAPI()
    app.attach(web, authenticate=who)

    @web.get("/greet/{name}")
    async def greet(name: str, handler: Annotated[GreetHandler, Depends(resolve(GreetHandler))]) -> Response:
        executed, handled = await handler.execute(Greet(name=name)), await handler.handle(Greet(name=name))
        assert executed == handled or executed.is_failure
        return respond(executed)

    @web.get("/ask")
    async def ask(asking: Annotated[Any, Depends(resolve(Asking))]) -> Response:
        assert not hasattr(asking, "other")
        return respond(await asking.ask(Ask(name="bob")))

    @web.get("/wrong")
    async def wrong(handler: Annotated[Any, Depends(resolve(GreetHandler))]) -> Response:
        return respond(await handler.handle(Ask(name="bob")))

    async with client_of(app, web, **{"x-user": "ada"}) as client:
        assert (await client.get("/greet/bob")).json() == "hello bob from ada"
        assert (await client.get("/greet/nobody")).status_code == 400
        assert (await client.get("/ask")).json() == "bob asked by ada"
        assert (await client.get("/wrong")).status_code == 500


async def test_what_a_service_sends_comes_from_the_request() -> None:
    """A service over the application's own buses acts for whoever makes the request, in async and blocking routes."""
    app, web = App("hello", modules=[greeting_module()], database="memory:"), FastAPI()
    app.attach(web, authenticate=who)

    @web.get("/async")
    async def waiting(service: Annotated[Greetings, Depends(resolve(Greetings))]) -> Response:
        return respond(await service.commands.execute(Greet(name="bob")))

    @web.get("/blocking")
    def blocking(service: Annotated[Greetings, Depends(resolve(Greetings))]) -> Response:
        return respond(service.queries.sync.execute(Ask(name="bob")))

    async with client_of(app, web) as client:
        for name in ("ada", "eve"):
            headers = {"x-user": name}
            assert (await client.get("/async", headers=headers)).json() == f"hello bob from {name}"
            assert (await client.get("/blocking", headers=headers)).json() == f"bob asked by {name}"
        assert (await client.get("/async")).json() == "hello bob from None"
