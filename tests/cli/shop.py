"""A small shop with a handler that waits for a file, so that a test decides when it goes on."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from twofold import App, Command, Event, EventBus, Module, Query, Refused, Result, Rows, Success
from twofold.clock import new_id
from twofold.sql import ReadSession


class Base(DeclarativeBase):
    pass


class Sale(Base):
    __tablename__ = "sale"
    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    item: Mapped[str]


@dataclass(frozen=True, kw_only=True)
class Sell(Command[UUID]):
    item: str


@dataclass(frozen=True, kw_only=True)
class SellSlowly(Command[UUID]):
    item: str
    gate: str
    """A folder: `started` is made in it once the handler runs, and it goes on when there is `go`."""
    stubborn: bool = False
    """Whether it goes on though it is cancelled."""


@dataclass(frozen=True, kw_only=True)
class Refuse(Command[None]):
    why: str


@dataclass(frozen=True, kw_only=True)
class CountSales(Query[int]):
    pass


@dataclass(frozen=True, kw_only=True)
class ListItems(Query[list[str]]):
    pass


@dataclass(frozen=True, kw_only=True)
class Sold(Event):
    order_id: UUID
    item: str


class Till(Protocol):
    def ring(self) -> None: ...


class SilentTill:
    def ring(self) -> None:
        pass


shop = Module("shop")
shop.state(Sale)
shop.provide(Till, SilentTill, scope="app")


@shop.handler
async def sell(command: Sell, events: EventBus, till: Till) -> Result[UUID]:
    till.ring()
    sold = Sold(order_id=new_id(), item=command.item)
    await events.publish(sold)
    return Success(sold.order_id)


@shop.handler
async def sell_slowly(command: SellSlowly, events: EventBus, till: Till) -> Result[UUID]:
    gate = Path(command.gate)
    (gate / "started").touch()
    while not (gate / "go").exists():
        try:
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            if not command.stubborn:
                raise
    return await sell(Sell(item=command.item), events, till)


@shop.handler
async def refuse(command: Refuse) -> None:
    raise Refused(command.why)


@shop.handler(live=True)
async def count_sales(query: CountSales, session: ReadSession) -> int:
    return await session.scalar(select(func.count()).select_from(Sale)) or 0


@shop.handler
async def list_items(query: ListItems, session: ReadSession) -> list[str]:
    return list(await session.scalars(select(Sale.item)))


@shop.projection("sales", tables=[Sale])
class Sales:
    def sold(self, event: Sold, rows: Rows) -> None:
        rows.upsert(Sale, {"order_id": event.order_id}, item=event.item)


@shop.on(Sold)
async def thank(event: Sold) -> None:
    pass


app = App("shop", modules=[shop])
strict = App(
    "shop",
    modules=[shop],
    http={"docs": False, "max_body": 1000, "patience": 0.3, "problems": "https://example.com/errors#"},
)
