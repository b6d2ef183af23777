"""An entity for the tests of this room: a mapped class that records what happens to it."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from twofold import (
    App,
    Command,
    CommandBus,
    Entity,
    Event,
    Exists,
    Failure,
    Module,
    NotFound,
    Refused,
    Repository,
    Result,
    Success,
)


class _Tables(DeclarativeBase):
    pass


@dataclass(frozen=True, kw_only=True)
class Joined(Event):
    """A member is new."""

    id: str


@dataclass(frozen=True, kw_only=True)
class Paid(Event):
    """A member has paid."""

    amount: int


@dataclass(frozen=True, kw_only=True)
class Seen(Event):
    """Nothing of the row is another one for that."""


class Member(Entity, _Tables):
    """Counts what was paid."""

    __tablename__ = "member"

    id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column()
    email: Mapped[str] = mapped_column(unique=True)
    paid: Mapped[int] = mapped_column(default=0)
    seen: Mapped[int] = mapped_column(default=0)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # as SQLAlchemy reads it

    @classmethod
    def join(cls, member_id: str, email: str) -> "Member":
        """A new one."""
        member = cls(id=member_id, email=email, paid=0)
        member.record(Joined(id=member_id))
        return member

    def pay(self, amount: int) -> Result[None, Refused]:
        """Pay something."""
        if self.paid + amount > 100:
            return Failure(Refused("that is too much"))
        self.paid += amount
        self.record(Paid(amount=amount))
        return Success()


@dataclass(frozen=True, kw_only=True)
class Opened(Event):
    """A ticket is new."""

    id: int


class Ticket(Entity, _Tables):
    """Is numbered by the database."""

    __tablename__ = "ticket"
    stream_name = "queue"

    number: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # as SQLAlchemy reads it


@dataclass(frozen=True, kw_only=True)
class Join(Command[None]):
    """Become a member."""

    id: str
    email: str = ""


@dataclass(frozen=True, kw_only=True)
class Pay(Command[int]):
    """Pay; answers what was paid in all."""

    id: str
    amount: int
    refused: int = 0
    """What a command inside it pays first, and is refused."""


@dataclass(frozen=True, kw_only=True)
class PayAndFail(Command[None]):
    """Pay in vain."""

    id: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class See(Command[None]):
    """Record an event, and change nothing of the row."""

    id: str


@dataclass(frozen=True, kw_only=True)
class Try(Command[object]):
    """Do what a test wants to be done in a handler."""


Work: TypeAlias = Callable[[Repository[Member], Repository[Ticket], CommandBus], Awaitable[object]]

trying: ContextVar[Work] = ContextVar("trying")
"""What that is."""

members = Module("members")
members.state(Member, Ticket)
members.events(Joined, Paid, Seen, Opened)


@members.handler
async def join(command: Join, repository: Repository[Member]) -> Result[None, Exists]:
    """Take one in."""
    return await repository.add(Member.join(command.id, command.email or f"{command.id}@members"))


@members.handler
async def pay(command: Pay, repository: Repository[Member], bus: CommandBus) -> Result[int, NotFound | Refused]:
    """Load, decide, save."""
    found = await repository.get(command.id)
    if isinstance(found, Failure):
        return found
    member = found.value
    if command.refused:
        member.pay(1).unwrap()
        await bus.execute(PayAndFail(id=command.id, amount=command.refused))
    paid = member.pay(command.amount)
    if isinstance(paid, Failure):
        return paid
    await repository.save(member)
    return Success(member.paid)


@members.handler
async def pay_and_fail(command: PayAndFail, repository: Repository[Member]) -> Result[None, Refused]:
    """Everything that it does is undone."""
    member = (await repository.get(command.id)).unwrap()
    member.pay(command.amount).unwrap()
    await repository.save(member)
    return Failure(Refused("in vain"))


@members.handler
async def see(command: See, repository: Repository[Member]) -> None:
    """Nobody need save what was loaded."""
    (await repository.get(command.id)).unwrap().record(Seen())


@members.handler
async def attempt(command: Try, repository: Repository[Member], tickets: Repository[Ticket], bus: CommandBus) -> object:
    """Do it."""
    return await trying.get()(repository, tickets, bus)


def club(address: str, **settings: Any) -> App:
    """An application of members."""
    return App("club", modules=[members], database=address, **settings)
