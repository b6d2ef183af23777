"""A stall that sells and thanks: what the tests of the test kit are about."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from twofold import (
    Aggregate,
    Command,
    Event,
    EventBus,
    Failure,
    Module,
    NotFound,
    Query,
    Refused,
    Repository,
    Result,
    Rows,
    Success,
)
from twofold.sql import ReadSession


class Tables(DeclarativeBase):
    """The tables of this file."""


class StockRow(Tables):
    """How many of an article there are."""

    __tablename__ = "kit_stock"
    article: Mapped[str] = mapped_column(primary_key=True)
    left: Mapped[int] = mapped_column(default=0)


class SoldRow(Tables):
    """How often an article was sold."""

    __tablename__ = "kit_sold"
    article: Mapped[str] = mapped_column(primary_key=True)
    times: Mapped[int] = mapped_column(default=0)


@dataclass(frozen=True, kw_only=True)
class Stocked(Event):
    article: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Sold(Event):
    article: str
    buyer: str


@dataclass(frozen=True, kw_only=True)
class Thanked(Event):
    buyer: str


class SoldOut(Refused):
    """There is none left."""

    def __init__(self, article: str) -> None:
        super().__init__(f"no {article} is left")
        self.article = article


class Article(Aggregate):
    id: str
    left = 0

    @classmethod
    def stock(cls, name: str, count: int) -> "Article":
        article = cls()
        article.record(Stocked(article=name, count=count))
        return article

    def sell(self, buyer: str) -> Result[int, SoldOut]:
        if not self.left:
            return Failure(SoldOut(self.id))
        self.record(Sold(article=self.id, buyer=buyer))
        return Success(self.left)

    def evolve(self, event: Event) -> None:
        match event:
            case Stocked():
                self.id = event.article
                self.left += event.count
            case Sold():
                self.left -= 1
            case _:
                raise TypeError(event)


@dataclass(frozen=True, kw_only=True)
class Stock(Command[None]):
    article: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Sell(Command[int, SoldOut | NotFound]):
    article: str
    buyer: str


@dataclass(frozen=True, kw_only=True)
class SellByHand(Command[None]):
    """The same by SQL, without a word in the log."""

    article: str


@dataclass(frozen=True, kw_only=True)
class CountSold(Query[int]):
    article: str


class Post:
    """What happens outside: every letter that was sent."""

    def __init__(self) -> None:
        self.letters = Counter[str]()

    def send(self, buyer: str) -> None:
        self.letters[buyer] += 1


async def stock(command: Stock, articles: Repository[Article]) -> None:
    await articles.save(Article.stock(command.article, command.count))


async def sell(command: Sell, articles: Repository[Article]) -> Result[int, Any]:
    found = await articles.get(command.article)
    if isinstance(found, Failure):
        return found
    sold = found.value.sell(command.buyer)
    await articles.save(found.value)
    return sold


async def sell_by_hand(command: SellByHand, session: AsyncSession) -> None:
    session.add(StockRow(article=command.article, left=-1))


async def count_sold(query: CountSold, session: ReadSession) -> int:
    row = await session.get(SoldRow, query.article)
    return row.times if row else 0


async def thank(event: Sold, events: EventBus, post: Post) -> None:
    post.send(event.buyer)
    await events.publish(Thanked(buyer=event.buyer))


class InStock:
    def stocked(self, event: Stocked, rows: Rows) -> None:
        rows.add(StockRow, {"article": event.article}, left=event.count)

    def sold(self, event: Sold, rows: Rows) -> None:
        rows.add(StockRow, {"article": event.article}, left=-1)


class SoldByStatement:
    """One whose rows need SQL."""

    async def sold(self, event: Sold, session: AsyncSession) -> None:
        row = await session.get(SoldRow, event.article)
        session.add(SoldRow(article=event.article, times=1)) if row is None else setattr(row, "times", row.times + 1)


def stall(*, read_models: bool = True) -> Module:
    """All of it; or what commands and reactions are, and nothing else that follows the log."""
    module = Module("stall")
    module.register(Stock, stock)
    module.register(Sell, sell)
    module.register(SellByHand, sell_by_hand)
    module.register(CountSold, count_sold)
    module.on(Sold)(thank)
    module.events(Thanked)
    module.provide(Post, scope="app")
    module.state(StockRow)
    if read_models:
        module.projection("in_stock", mode="inline", tables=[StockRow])(InStock)
        module.projection("sold", tables=[SoldRow])(SoldByStatement)
    return module
