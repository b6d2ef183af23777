"""The extra `sql`: a session of the unit of work, a projection to a table, and a session that cannot write."""

import asyncio
from dataclasses import dataclass

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from twofold import App, Command, Event, EventBus, Module, Query, Rows, Success
from twofold.sql import ReadSession

shop = Module("shop")


class Tables(DeclarativeBase):
    pass


class Stock(Tables):
    __tablename__ = "stock"
    item: Mapped[str] = mapped_column(primary_key=True)


class Listed(Tables):
    __tablename__ = "listed"
    item: Mapped[str] = mapped_column(primary_key=True)


@dataclass(frozen=True, kw_only=True)
class Stocked(Event):
    item: str


@dataclass(frozen=True, kw_only=True)
class AddItem(Command[None]):
    item: str


@dataclass(frozen=True, kw_only=True)
class FindItems(Query[list[str]]):
    pass


shop.state(Stock)


@shop.handler
async def add_item(command: AddItem, session: AsyncSession, events: EventBus) -> None:
    await session.execute(insert(Stock).values(item=command.item))
    await events.publish(Stocked(item=command.item))


@shop.projection("listed", mode="inline", tables=[Listed])
class Listing:
    def stocked(self, event: Stocked, rows: Rows) -> None:
        rows.upsert(Listed, {"item": event.item})


@shop.handler
async def find_items(query: FindItems, session: ReadSession) -> list[str]:
    stocked = await session.scalars(select(Stock.item).join(Listed, Listed.item == Stock.item))
    return list(stocked)


async def main() -> None:
    async with App("shop", modules=[shop]) as app:
        assert await app.execute(AddItem(item="pen")) == Success(None)
        assert await app.execute(FindItems()) == Success(["pen"])


asyncio.run(main())
