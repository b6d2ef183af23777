"""An application with personal data, for the tests of it: customers who register, and mail that is sent to them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from examples._demo.database import Database, SqliteFile
from twofold import (
    App,
    Command,
    Erased,
    Event,
    Lifecycle,
    Module,
    Personal,
    Refused,
    Rows,
    Subject,
    SubjectErased,
    Tag,
    UnitOfWork,
)
from twofold.personal import KeyStore, MemoryKeyStore
from twofold.store import Store

CANARY = "canary-7c1e@example.org"
"""What must be found nowhere."""


class Base(DeclarativeBase):
    pass


class Entry(Base):
    __tablename__ = "directory"
    customer: Mapped[str] = mapped_column(primary_key=True)
    known: Mapped[bool]


class Introduction(Base):
    __tablename__ = "introductions"
    customer: Mapped[str] = mapped_column(primary_key=True)
    known: Mapped[bool]


@dataclass(frozen=True, kw_only=True)
class Home:
    """Where somebody lives."""

    street: str
    floor: int | None = None


@dataclass(frozen=True, kw_only=True)
class Registered(Event):
    customer: Annotated[str, Subject("customer"), Tag("customer")]
    email: Annotated[str | Erased, Personal("customer")]
    home: Annotated[Home | Erased | None, Personal("customer")] = None


@dataclass(frozen=True, kw_only=True)
class Introduced(Event):
    """Two subjects in one event."""

    customer: Annotated[str, Subject("customer")]
    friend: Annotated[str, Subject("friend")]
    email: Annotated[str | Erased, Personal("customer")]
    name: Annotated[str | Erased, Personal("friend")]


@dataclass(frozen=True, kw_only=True)
class RegisterFailed(Event):
    customer: Annotated[str, Subject("customer")]
    email: Annotated[str | Erased, Personal("customer")]
    reason: str


@dataclass(frozen=True, kw_only=True)
class RegisterAttempted(Event):
    customer: str


@dataclass(frozen=True, kw_only=True)
class RegisterSucceeded(Event):
    customer: str


@dataclass(frozen=True, kw_only=True)
class Register(Command[str]):
    customer: Annotated[str, Subject("customer")]
    email: Annotated[str, Personal("customer")]
    then: str = ""


@dataclass(frozen=True, kw_only=True)
class Introduce(Command[None]):
    customer: Annotated[str, Subject("customer")]
    friend: Annotated[str, Subject("friend")]
    email: Annotated[str, Personal("customer")]
    name: Annotated[str, Personal("friend")]


LIFECYCLE = Lifecycle(attempted=RegisterAttempted, succeeded=RegisterSucceeded, failed=RegisterFailed)


class Shop:
    """The application, with what its parts have seen.

    Args:
        keys: Where its keys are.
    """

    def __init__(self, keys: KeyStore | None = None) -> None:
        self.keys = keys or MemoryKeyStore()
        self.mailed = list[str | Erased]()
        self.refusing = False

    def app(self, database: "str | Path | Store" = "memory:") -> App:
        """The application."""
        return App("shop", modules=[self._module()], database=database, key_database=self.keys, interrupted_after=3600)

    def _module(self) -> Module:
        shop = Module("shop")

        @shop.handler(lifecycle=LIFECYCLE)
        async def register(command: Register, unit: UnitOfWork) -> str:
            if command.then:
                raise Refused(command.then)
            home = Home(street=command.email)
            unit.append(
                f"customer-{command.customer}",
                Registered(customer=command.customer, email=command.email, home=home),
            )
            return command.email

        @shop.handler
        async def introduce(command: Introduce, unit: UnitOfWork) -> None:
            unit.record(
                Introduced(customer=command.customer, friend=command.friend, email=command.email, name=command.name)
            )

        @shop.on(Registered)
        async def mail(event: Registered) -> None:
            if self.refusing:
                raise ValueError(f"no mail to {event.email!r}")
            self.mailed.append(event.email)

        @shop.projection("directory", tables=[Entry])
        class Directory:
            def registered(self, event: Registered, rows: Rows) -> None:
                rows.upsert(Entry, {"customer": event.customer}, known=bool(event.email))

            def erased(self, event: SubjectErased, rows: Rows) -> None:
                if event.kind == "customer":
                    rows.delete(Entry, {"customer": event.id})

        @shop.projection("introductions", tables=[Introduction])
        class Introductions:
            def introduced(self, event: Introduced, rows: Rows) -> None:
                rows.upsert(Introduction, {"customer": event.customer}, known=bool(event.email))

        _ = Directory, Introductions, register, introduce, mail
        return shop


async def dump(database: Database) -> bytes:
    """Every byte that the database has of an application, its files or its rows."""
    if isinstance(database, SqliteFile):
        return b"".join(file.read_bytes() for file in sorted(database.path.parent.glob(f"{database.path.name}*")))
    tables = await database.rows("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    found = [str(row) for (name,) in tables for row in await database.rows(f"SELECT * FROM {name}")]  # ours
    return "\n".join(found).encode()
