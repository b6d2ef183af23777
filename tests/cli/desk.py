"""A desk that takes orders: with fields of every kind, policies, facts of the context, and a reaction that follows."""

from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from twofold import (
    App,
    Command,
    Event,
    EventBus,
    Exists,
    FromContext,
    Module,
    NotFound,
    Page,
    Query,
    Refused,
    Result,
    Rows,
    Success,
    has_role,
)
from twofold.errors import unavailable
from twofold.sql import ReadSession


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "desk_order"
    number: Mapped[int] = mapped_column(primary_key=True)
    customer: Mapped[str]


@dataclass(frozen=True, kw_only=True)
class Line:
    item: str
    quantity: int = 1


@dataclass(frozen=True, kw_only=True)
class Take(Command[dict[str, str]]):
    """Take an order."""

    customer: Annotated[str, FromContext("user_id")]
    lines: tuple[Line, ...]
    price: Annotated[Decimal, Field(description="What it costs.", gt=0)] = Decimal(1)
    urgent: bool = False
    way: Literal["mail", "desk"] = "desk"
    order_id: UUID | None = None
    tenant: str = "none"


@dataclass(frozen=True, kw_only=True)
class Fail(Command[None]):
    """End as it is told to."""

    how: str


@dataclass(frozen=True, kw_only=True)
class Close(Command[None]):
    """Close the desk; for those who run it."""


@dataclass(frozen=True, kw_only=True)
class CountOrders(Query[int]):
    """How many there are."""


@dataclass(frozen=True, kw_only=True)
class ListLines(Query[Page[Line]]):
    """Some lines."""


@dataclass(frozen=True, kw_only=True)
class FindLine(Query[Line | None]):
    """A line, if there is one."""

    item: str


@dataclass(frozen=True, kw_only=True)
class Taken(Event):
    """An order was taken."""

    number: int
    customer: str


class DoorStuck(Exception):
    """The desk's own."""


desk = Module("desk", errors={DoorStuck: unavailable})
desk.state(Order)
numbers = count(1)


@desk.handler
async def take(command: Take, events: EventBus) -> Result[dict[str, str]]:
    """Take it, and tell everything of it."""
    await events.publish(Taken(number=next(numbers), customer=command.customer))
    return Success({name: repr(value) for name, value in vars(command).items()})


@desk.handler
async def fail(command: Fail) -> None:
    """Raise what is asked for."""
    match command.how:
        case "exists":
            raise Exists("there is one")
        case "not found":
            raise NotFound("there is none")
        case "stuck":
            raise DoorStuck
        case "bug":
            raise ZeroDivisionError
        case _:
            raise Refused("no \x1b[2J way")


@desk.handler(authorize=has_role("boss"))
async def close(command: Close) -> None:
    """Close."""


@desk.handler
async def count_orders(query: CountOrders, session: ReadSession) -> int:
    """Count the rows that follow."""
    return await session.scalar(select(func.count()).select_from(Order)) or 0


@desk.handler
async def list_lines(query: ListLines) -> Page[Line]:
    """Two of them."""
    return Page(items=(Line(item="pen"), Line(item="ink", quantity=2)), total=2, page=1, page_size=20)


@desk.handler
async def find_line(query: FindLine) -> Line | None:
    """A pen, and nothing else."""
    return Line(item="pen") if query.item == "pen" else None


@desk.projection("desk_orders", tables=[Order])
class Orders:
    """One row for each."""

    def taken(self, event: Taken, rows: Rows) -> None:
        """Add it."""
        rows.upsert(Order, {"number": event.number}, customer=event.customer)


app = App("desk", modules=[desk])
