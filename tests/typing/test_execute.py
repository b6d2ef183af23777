"""What type checkers infer of an answer, without a word from the user; `make check` runs them over this file."""

from dataclasses import dataclass
from typing import Any, assert_type
from uuid import UUID

import pytest
from pydantic import BaseModel

from twofold import (
    App,
    Command,
    CommandBus,
    Dispatcher,
    Event,
    EventBus,
    Failure,
    Module,
    NotFound,
    Query,
    QueryBus,
    Result,
    Success,
    TwofoldError,
)

pytestmark = pytest.mark.anyio

ID = UUID(int=1)


@dataclass(frozen=True, kw_only=True)
class PlaceOrder(Command[UUID]):
    """A dataclass."""


class PlaceOrderModel(BaseModel, Command[UUID]):
    """A model."""

    quantity: int = 1


@dataclass(frozen=True, kw_only=True)
class Pay(Command[None, str]):
    """With errors of its own."""


@dataclass(frozen=True, kw_only=True)
class Bare(Command):
    """Says nothing."""


@dataclass(frozen=True, kw_only=True)
class FindOrder(Query[str | None]):
    """A query."""


class FindOrderModel(BaseModel, Query[list[str], NotFound]):
    """A model of one."""


@dataclass(frozen=True, kw_only=True)
class OrderPlaced(Event):
    """An event."""


class Plain:
    """A class that knows nothing of twofold."""


def give_id(message: object) -> UUID:
    """A handler of anything."""
    return ID


def give_none(message: object) -> None:
    """Another."""


def orders() -> Module:
    """Handlers for all of them."""
    module = Module("orders")

    @module.handler
    async def place(command: PlaceOrder) -> Result[UUID]:
        return Success(ID)

    @module.handler
    async def place_model(command: PlaceOrderModel) -> UUID:
        return ID

    @module.handler
    async def pay(command: Pay) -> Result[None, str]:
        return Failure("closed")

    @module.handler
    def bare(command: Bare) -> int:
        return 1

    @module.handler
    async def find(query: FindOrder) -> str | None:
        return None

    @module.handler
    async def find_model(query: FindOrderModel) -> list[str]:
        return []

    module.events(OrderPlaced)

    # A decorated handler stays what it was.
    assert_type(bare(Bare()), int)
    return module


async def test_an_application() -> None:
    """By the message alone, dataclass or model."""
    async with App("orders", modules=[orders()], database="memory:") as app:
        assert_type(await app.execute(PlaceOrder()), Result[UUID, TwofoldError])
        assert_type(await app.execute(PlaceOrderModel()), Result[UUID, TwofoldError])
        assert_type(await app.execute(Pay()), Result[None, str | TwofoldError])
        assert_type(await app.execute(Bare()), Result[Any, TwofoldError])
        assert_type(await app.execute(FindOrder()), Result[str | None, TwofoldError])
        assert_type(await app.execute(FindOrderModel()), Result[list[str], NotFound | TwofoldError])
        assert_type(await app.dispatch(PlaceOrder()), Result[UUID, TwofoldError])
        assert_type(await app.publish(OrderPlaced()), Result[None, TwofoldError])
        caller = app.caller(user_id="ada")
        assert_type(await caller.execute(PlaceOrder()), Result[UUID, TwofoldError])
        assert_type(await caller.execute(FindOrderModel()), Result[list[str], NotFound | TwofoldError])


def test_an_application_that_blocks() -> None:
    """The same through `.sync`."""
    with App("orders", modules=[orders()], database="memory:").sync as app:
        assert_type(app.execute(PlaceOrder()), Result[UUID, TwofoldError])
        assert_type(app.execute(FindOrder()), Result[str | None, TwofoldError])


async def test_buses() -> None:
    """Each of them alone."""
    commands, queries, events, dispatcher = CommandBus(), QueryBus(), EventBus(), Dispatcher()
    commands.register(PlaceOrder, give_id)
    commands.register(PlaceOrderModel, give_id)
    commands.register(Pay, give_none)
    queries.register(FindOrder, give_none)
    assert_type(await commands.execute(PlaceOrder()), Result[UUID, TwofoldError])
    assert_type(await commands.execute(PlaceOrderModel()), Result[UUID, TwofoldError])
    assert_type(await commands.execute(Pay()), Result[None, str | TwofoldError])
    assert_type(await queries.execute(FindOrder()), Result[str | None, TwofoldError])
    assert_type(await events.publish(OrderPlaced()), Result[None, TwofoldError])
    dispatcher.register_command(PlaceOrder, give_id)
    dispatcher.register_query(FindOrder, give_none)
    dispatcher.register_command(Plain, give_id)
    assert_type(await dispatcher.dispatch(PlaceOrder()), Result[UUID, TwofoldError])
    assert_type(await dispatcher.dispatch(FindOrder()), Result[str | None, TwofoldError])
    assert_type(await dispatcher.dispatch(Plain()), Result[Any, Any])


def test_buses_that_block() -> None:
    """The same through `.sync`."""
    commands, queries, events, dispatcher = CommandBus(), QueryBus(), EventBus(), Dispatcher()
    commands.register(PlaceOrder, give_id)
    queries.register(FindOrder, give_none)
    dispatcher.register_command(PlaceOrder, give_id)
    assert_type(commands.sync.execute(PlaceOrder()), Result[UUID, TwofoldError])
    assert_type(queries.sync.execute(FindOrder()), Result[str | None, TwofoldError])
    assert_type(events.sync.publish(OrderPlaced()), Result[None, TwofoldError])
    assert_type(dispatcher.sync.dispatch(PlaceOrder()), Result[UUID, TwofoldError])
