"""A till with all that follows a log: projection, writer, view and reaction, beside the state of its commands."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from twofold import App, Command, Event, EventBus, Module, Query, Rows
from twofold.dispatch import Mode
from twofold.messages import Context
from twofold.projections import Live
from twofold.sql import BlockingReadSession, ReadSession, View
from twofold.store import Recorded


class Tables(DeclarativeBase):
    pass


class Account(Tables):
    """State of commands."""

    __tablename__ = "account"
    payer: Mapped[str] = mapped_column(primary_key=True)
    paid: Mapped[int]


class Payment(Tables):
    """What a projection fills."""

    __tablename__ = "payment"
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    payer: Mapped[str]
    amount: Mapped[int]


class Recent(Tables):
    """What a live projection fills."""

    __tablename__ = "recent"
    number: Mapped[int] = mapped_column(primary_key=True)


@dataclass(frozen=True, kw_only=True)
class Pay(Command[int]):
    payer: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class Note(Command[None]):
    """Records what no projection wants."""


@dataclass(frozen=True, kw_only=True)
class Paid(Event):
    payer: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class Noted(Event):
    pass


@dataclass(frozen=True, kw_only=True)
class Count(Query[int]):
    pass


@dataclass(frozen=True, kw_only=True)
class CountBlocking(Query[int]):
    pass


@dataclass(frozen=True, kw_only=True)
class SumOf(Query[int | None]):
    payer: str


SUMS = View(
    "sums",
    select(Payment.payer, func.sum(Payment.amount).label("total")).group_by(Payment.payer),
    key=["payer"],
    refresh_on=[Paid],
)


@dataclass
class Till:
    """The module, and what came of it outside of any database."""

    mode: Mode = "async"
    fails: bool = False
    """Whether the projection and the reaction fail on what is negative."""
    index: str = "index"
    """What the writer is called."""

    def __post_init__(self) -> None:
        self.indexed: list[int] = []
        self.thanked: list[str] = []

    def app(self, database: Any, read_database: Any = None, role: str = "all") -> App:
        """The application on its databases."""
        app = App("till", modules=[self.module()], database=database, read_database=read_database)
        app.use_role(role)
        return app

    def module(self) -> Module:
        """The module."""
        module = Module("till")
        module.events(Noted)
        module.state(Account)
        module.view(SUMS)
        till = self

        @module.handler
        async def pay(command: Pay, session: AsyncSession, events: EventBus) -> int:
            account = await session.get(Account, command.payer) or Account(payer=command.payer, paid=0)
            account.paid += command.amount
            session.add(account)
            await events.publish(Paid(payer=command.payer, amount=command.amount))
            return account.paid

        @module.handler
        async def note(command: Note, events: EventBus) -> None:
            await events.publish(Noted())

        @module.handler
        async def count(query: Count, session: ReadSession) -> int:
            return await session.scalar(select(func.count()).select_from(Payment)) or 0

        @module.handler
        def count_blocking(query: CountBlocking, session: BlockingReadSession) -> int:
            return session.scalar(select(func.count()).select_from(Payment)) or 0

        @module.handler
        async def sum_of(query: SumOf, session: ReadSession) -> int | None:
            return await session.scalar(select(SUMS.table.c.total).where(SUMS.table.c.payer == query.payer))

        @module.projection("payments", mode=self.mode, tables=[Payment])
        class Payments:
            def paid(self, event: Paid, rows: Rows, recorded: Recorded) -> None:
                till.look_at(event)
                rows.upsert(Payment, {"event_id": recorded.id}, payer=event.payer, amount=event.amount)

        @module.writer(self.index)
        class Index:
            async def paid(self, event: Paid, recorded: Recorded) -> None:
                till.indexed.append(recorded.position)

        @module.on(Paid)
        async def thank(event: Paid, context: Context, session: AsyncSession) -> None:
            till.look_at(event)
            account = await session.get(Account, event.payer)
            assert account is not None
            till.thanked.append(f"{event.payer} {account.paid}")

        return module

    def live(self) -> Module:
        """A query of a projection that is made when it is read."""
        module = Module("live")

        @dataclass(frozen=True)
        class Current(Query[int]): ...

        @module.projection("recent", mode="live", tables=[Recent])
        class RecentPayments:
            def paid(self, event: Paid, rows: Rows, recorded: Recorded) -> None:
                rows.upsert(Recent, {"number": recorded.position})

        @module.handler
        async def current(query: Current, recent: Live[RecentPayments]) -> int:
            return len((await recent.read()).rows(Recent))

        return module

    def both(self) -> Module:
        """A command that writes and reads in a thread."""
        module = Module("both")

        @dataclass(frozen=True)
        class Transfer(Command[None]): ...

        @module.handler
        def transfer(command: Transfer, session: Session, reading: BlockingReadSession) -> None:
            session.execute(select(Account))

        return module

    def look_at(self, event: Paid) -> None:
        """Fail, if it fails."""
        if self.fails and event.amount < 0:
            raise ValueError(event.amount)


app = App("till", modules=[Till().module()])
