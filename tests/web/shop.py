"""A small shop that the tests of the web room serve, and the ways they serve it."""

import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID, uuid5

import httpx
from fastapi import FastAPI
from pydantic import StringConstraints

from twofold import (
    App,
    Command,
    Context,
    Event,
    EventBus,
    Exists,
    Failure,
    Forbidden,
    FromContext,
    Module,
    NotFound,
    Page,
    Principal,
    Query,
    Refused,
    Result,
    Success,
    Unavailable,
)
from twofold.errors import Category, Corrupt, StreamClosed, TooLarge, Unauthenticated, VersionConflict, refused
from twofold.store import Recorded

SECRET = "hunter2-canary"
SHELF = UUID("00000000-0000-0000-0000-000000000001")


@dataclass(frozen=True, kw_only=True)
class Line:
    sku: str
    quantity: int = 1


@dataclass(frozen=True, kw_only=True)
class PlaceOrder(Command[UUID]):
    """Place an order.

    The customer pays later.
    """

    customer: str
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PayOrder(Command[None]):
    order_id: UUID
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class DropOrder(Command[str]):
    order_id: UUID
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ChangePassword(Command[str]):
    user_id: Annotated[str, FromContext("user_id")]
    tenant: Annotated[str | None, FromContext("tenant")] = None
    trail: Annotated[str, FromContext("correlation_id")]
    password: Annotated[str, StringConstraints(min_length=20)]


@dataclass(frozen=True, kw_only=True)
class Fail(Command[None]):
    how: str


@dataclass(frozen=True, kw_only=True)
class Promote(Command[dict[str, str | None]]):
    user_id: str = ""


@dataclass(frozen=True, kw_only=True)
class FindOrders(Query[Page[Line]]):
    customer: str
    tags: tuple[str, ...] = ()
    page: int = 1


@dataclass(frozen=True, kw_only=True)
class FindOrder(Query[Line | None]):
    sku: str


@dataclass(frozen=True, kw_only=True)
class SearchOrders(Query[int]):
    like: Line


@dataclass(frozen=True, kw_only=True)
class OrderPlaced(Event):
    customer: str


class OutOfStock(Exception):
    """An error of the domain, which knows nothing of twofold."""


@dataclass(frozen=True)
class CardDeclined:
    """An error value, which knows nothing of twofold."""

    card: str


class Limited(Exception):
    """Classified as rate limited."""


FAILURES: dict[str, Callable[[], object]] = {
    "plain": lambda: "no more today",
    "invalid": lambda: ValueError("that is no sum"),
    "unauthenticated": lambda: Unauthenticated("who are you?"),
    "forbidden": lambda: Forbidden("not yours"),
    "not_found": lambda: NotFound("no such order"),
    "exists": lambda: Exists("there is one"),
    "gone": lambda: StreamClosed(stream="order-1"),
    "conflict": lambda: VersionConflict(stream="order-1", expected=1, actual=2),
    "too_large": lambda: TooLarge(limit=7),
    "unavailable": lambda: Unavailable("come back", retry_after=2.4),
    "refused": lambda: Refused("against the rules"),
    "corrupt": lambda: Corrupt(f"stored {SECRET}"),
    "foreign": lambda: OutOfStock("no more of these"),
    "value": lambda: CardDeclined(card=SECRET),
    "limited": Limited,
}


def shop_module(placed: Callable[[PlaceOrder], Awaitable[None]] | None = None) -> Module:
    """The shop's module.

    Args:
        placed: Called while an order is placed.
    """
    shop = Module(
        "orders",
        errors={
            OutOfStock: refused,
            CardDeclined: Category.CONFLICT,
            Limited: Category.RATE_LIMITED,
            ValueError: Category.INVALID,
        },
    )
    shop.events(OrderPlaced)

    @shop.handler(status=201)
    async def place_order(command: PlaceOrder, events: EventBus) -> Result[UUID]:
        await events.publish(OrderPlaced(customer=command.customer))
        if placed is not None:
            await placed(command)
        return Success(uuid5(SHELF, command.customer))

    @shop.handler(path="/orders/{order_id}/payment", method="put")
    async def pay_order(command: PayOrder) -> Result[None]:
        return Success()

    @shop.handler(path="/orders/{order_id}", method="DELETE")
    async def drop_order(command: DropOrder) -> Result[str]:
        return Success(",".join(command.reasons))

    @shop.handler
    async def change_password(command: ChangePassword) -> str:
        return f"{command.user_id} {command.tenant} {command.trail}"

    @shop.handler
    async def fail(command: Fail) -> Result[None, Any]:
        if command.how == "crash":
            raise KeyError(SECRET)
        return Failure(FAILURES[command.how]())

    @shop.handler
    async def promote(command: Promote, context: Context) -> dict[str, str | None]:
        return {"user_id": context.user_id, "trace": context.trace.get("traceparent")}

    @shop.handler
    async def find_orders(query: FindOrders) -> Page[Line]:
        items = [Line(sku=tag) for tag in query.tags]
        return Page.of(items, total=len(items), page=query.page)

    @shop.handler
    async def find_order(query: FindOrder) -> Line | None:
        return Line(sku=query.sku) if query.sku != "none" else None

    @shop.handler
    async def search_orders(query: SearchOrders) -> int:
        return query.like.quantity

    return shop


def shop_app(*more: Module, placed: Callable[[PlaceOrder], Awaitable[None]] | None = None) -> App:
    """The shop as an application that keeps nothing."""
    return App("shop", modules=[shop_module(placed), *more], database="memory:")


@contextlib.asynccontextmanager
async def client_of(app: App, web: FastAPI, **headers: str) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of an application that runs in this very task."""
    transport = httpx.ASGITransport(web)
    async with app, httpx.AsyncClient(transport=transport, base_url="http://shop", headers=headers) as client:
        yield client


async def recorded(app: App) -> Sequence[Recorded]:
    """Everything in the application's log."""
    log = app.store.log
    return await log.read(0, until=await log.head(), limit=100)


async def who(request: Any) -> Principal | None:
    """Authenticates by a header, without any secret."""
    name = request.headers.get("x-user")
    return None if name is None else Principal(user_id=name, tenant=request.headers.get("x-tenant"))


def crashes(records: list[logging.LogRecord]) -> list[logging.LogRecord]:
    """What the web room has logged."""
    return [record for record in records if record.name == "twofold.web"]
