"""What the examples of docstrings speak of beside a shop: courses, accounts, and whatever else they name."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Protocol
from uuid import UUID

import pytest
from fastapi import Depends, FastAPI, Response
from opentelemetry.sdk.trace import TracerProvider
from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from twofold import (
    Command,
    CommandHandler,
    Context,
    Decision,
    Entity,
    Event,
    Module,
    Outcome,
    Query,
    Result,
    Success,
    Tag,
    has_role,
)
from twofold.clock import new_id

__all__ = [  # what examples need of others
    "Annotated", "Any", "AsyncIterator", "Depends", "Mapping", "Path", "Response", "Sequence", "func", "mapped_column",
    "pytest", "select", "timedelta",
]  # fmt: skip

ada = "ada"
lines = ("pen",)
context = Context()
web = FastAPI()
provider = TracerProvider()
is_operator = has_role("operator")

accounts, courses, billing, bank = map(Module, ("accounts", "courses", "billing", "bank"))


class Base(DeclarativeBase):
    """For the tables of examples."""


class Tables(DeclarativeBase):
    """For those that they speak of."""


class User(Tables, Entity):
    __tablename__ = "user"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]

    def rename(self, name: str) -> None:
        self.name = name
        self.record(UserRenamed(user_id=self.id, name=name))


@dataclass(frozen=True, kw_only=True)
class OrderThen(Query[Decimal]):
    order_id: UUID
    at: datetime


@dataclass(frozen=True, kw_only=True)
class OrderDetail(Query[Any]):
    order_id: UUID


@dataclass(frozen=True, kw_only=True)
class FollowOrders(Query[Any]):
    customer_id: str


class OrderRow(Tables):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    total: Mapped[int]


class DetailRow(Tables):
    __tablename__ = "details"
    order_id: Mapped[int] = mapped_column(primary_key=True)


class OrderSummary(Tables):
    __tablename__ = "summaries"
    order_id: Mapped[int] = mapped_column(primary_key=True)


class CustomerTotals(Tables):
    __tablename__ = "totals"
    customer_id: Mapped[str] = mapped_column(primary_key=True)


class Invoice(Tables):
    __tablename__ = "invoices"
    id: Mapped[int] = mapped_column(primary_key=True)


class OrderDetails:
    """A live projection."""


class SearchIndex(Protocol):
    async def put(self, key: UUID, total: Decimal, *, version: int) -> None: ...


class Rates(Protocol):
    async def today(self) -> list[float]: ...


@dataclass(frozen=True, kw_only=True)
class Reprice(Command[None]):
    """Price anew."""


@dataclass(frozen=True, kw_only=True)
class CountInvoices(Query[int]):
    """How many there are."""


@dataclass(frozen=True, kw_only=True)
class ChangePassword(Command[None]):
    """Change it."""


@dataclass(frozen=True, kw_only=True)
class PasswordChangeAttempted(Event):
    pass


@dataclass(frozen=True, kw_only=True)
class PasswordChanged(Event):
    pass


@dataclass(frozen=True, kw_only=True)
class PasswordChangeFailed(Event):
    reason: str


@dataclass(frozen=True, kw_only=True)
class UserRenamed(Event):
    user_id: UUID
    name: str


@dataclass(frozen=True, kw_only=True)
class CustomerRegistered(Event):
    email: Any


@dataclass(frozen=True, kw_only=True)
class OpenAccount(Command[UUID]):
    """Open one."""

    owner: str


async def open_account(command: OpenAccount) -> UUID:
    return new_id()


class OpenAccountHandler(CommandHandler[OpenAccount, UUID]):
    async def handle(self, message: OpenAccount) -> Result[UUID]:
        return Success(new_id())


@dataclass(frozen=True, kw_only=True)
class Close(Command[None]):
    """Close an account."""

    account_id: str


@dataclass(frozen=True, kw_only=True)
class Closed(Event):
    account_id: str


@dataclass(frozen=True)
class Account:
    balance: int = 0
    open: bool = True


def decide(command: Close, account: Account) -> Outcome[Closed]:
    return [Closed(account_id=command.account_id)]


def evolve(account: Account, event: Closed) -> Account:
    return Account(open=False)


@dataclass(frozen=True, kw_only=True)
class Subscribe(Command[None]):
    """Subscribe a student to a course."""

    course_id: str
    student_id: str


@dataclass(frozen=True, kw_only=True)
class CourseDefined(Event):
    course_id: Annotated[str, Tag("course")]
    capacity: int


@dataclass(frozen=True, kw_only=True)
class StudentSubscribed(Event):
    course_id: Annotated[str, Tag("course")]
    student_id: Annotated[str, Tag("student")]


@dataclass
class Course(Decision):
    course_id: Annotated[str, Tag("course")]
    capacity: int = 0
    taken: int = 0

    def evolve(self, event: CourseDefined | StudentSubscribed) -> None:
        """Nothing."""


@dataclass
class Student(Decision):
    student_id: Annotated[str, Tag("student")]

    def evolve(self, event: StudentSubscribed) -> None:
        """Nothing."""


async def write() -> None:
    """Nothing."""


async def something() -> None:
    """Nothing."""
