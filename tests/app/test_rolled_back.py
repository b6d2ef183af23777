"""Sessions that were rolled back whole: what they held is lost, so nothing else of their unit of work commits."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeAlias

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from examples._demo.database import Database
from tests.aggregates.members import Join, Member, members
from twofold import App, Command, CommandBus, Event, EventBus, Module, Query, Repository
from twofold.errors import Category
from twofold.sql import ReadSession, SessionRolledBack
from twofold.store import UnitOfWork

pytestmark = pytest.mark.anyio


class _Tables(DeclarativeBase):
    pass


class Loan(_Tables):
    """Something that was lent."""

    __tablename__ = "loan"

    id: Mapped[str] = mapped_column(primary_key=True)


@dataclass(frozen=True, kw_only=True)
class Lent(Event):
    """Something was lent."""

    id: str


@dataclass(frozen=True, kw_only=True)
class Lend(Command[None]):
    """Lend something; the rest is what a test wants."""

    id: str


@dataclass(frozen=True, kw_only=True)
class LendPlainly(Command[None]):
    """The same in a `def`."""

    id: str


@dataclass(frozen=True, kw_only=True)
class Note(Command[None]):
    """Write a row in a `def`, and no event."""

    id: str


@dataclass(frozen=True, kw_only=True)
class LendBoth(Command[list[bool]]):
    """Send two commands, and tell which of them succeeded."""

    first: str
    second: str


@dataclass(frozen=True, kw_only=True)
class Dun(Command[None]):
    """Have a member pay, and lose that."""

    id: str


@dataclass(frozen=True, kw_only=True)
class Loans(Query[list[str]]):
    """What is lent."""


Work: TypeAlias = Callable[[AsyncSession, UnitOfWork], Awaitable[None]]
PlainWork: TypeAlias = Callable[[Session], None]

working: ContextVar[Work] = ContextVar("working")
working_plainly: ContextVar[PlainWork] = ContextVar("working_plainly")
loans = Module("loans", errors={IntegrityError: Category.EXISTS})
loans.state(Loan)
loans.events(Lent)


@loans.handler
async def lend(command: Lend, session: AsyncSession, events: EventBus, unit: UnitOfWork) -> None:
    session.add(Loan(id=command.id))
    await session.flush()
    await events.publish(Lent(id=command.id))
    await working.get()(session, unit)


@loans.handler
def lend_plainly(command: LendPlainly, session: Session, unit: UnitOfWork) -> None:
    session.add(Loan(id=command.id))
    session.flush()
    unit.record(Lent(id=command.id))
    working_plainly.get()(session)


@loans.handler
def note(command: Note, session: Session, unit: UnitOfWork) -> None:
    unit.record(Lent(id=command.id))
    session.add(Loan(id=command.id))
    session.flush()


@loans.handler
async def lend_both(command: LendBoth, commands: CommandBus) -> list[bool]:
    return [(await commands.execute(Note(id=one))).is_success for one in (command.first, command.second)]


@loans.handler
async def dun(command: Dun, repository: Repository[Member], session: AsyncSession) -> None:
    member = (await repository.get(command.id)).unwrap()
    member.pay(10).unwrap()
    await repository.save(member)
    await roll_back(session)


@loans.handler
async def look(query: Loans, session: ReadSession) -> list[str]:
    return list(await session.scalars(select(Loan.id).order_by(Loan.id)))


@pytest.fixture
async def app(each_database: Database) -> AsyncGenerator[App]:
    """A library that has lent one book, which is popular."""
    async with App("library", modules=[loans, members], database=each_database.address) as app:
        working.set(nothing)
        assert (await app.execute(Lend(id="popular"))).is_success
        yield app


async def nothing(session: AsyncSession, unit: UnitOfWork) -> None:
    pass


async def fail_to_flush(session: AsyncSession, unit: UnitOfWork) -> None:
    session.add(Loan(id="popular"))
    with pytest.raises(IntegrityError):
        await session.flush()


async def fail_and_go_on(session: AsyncSession, unit: UnitOfWork) -> None:
    await fail_to_flush(session, unit)
    await session.rollback()
    session.add(Loan(id="later"))


async def roll_back(session: AsyncSession, unit: UnitOfWork | None = None) -> None:
    await session.rollback()


async def roll_back_what_is_pending(session: AsyncSession, unit: UnitOfWork) -> None:
    await session.commit()
    session.add(Loan(id="later"))
    await session.rollback()


async def fail_in_a_block(session: AsyncSession, unit: UnitOfWork) -> None:
    await session.commit()
    with pytest.raises(KeyError):
        async with session.begin():
            raise KeyError


async def undo_a_savepoint(session: AsyncSession, unit: UnitOfWork) -> None:
    with pytest.raises(IntegrityError):
        async with session.begin_nested():
            session.add(Loan(id="popular"))
    nested = await session.begin_nested()
    session.add(Loan(id="undone"))
    await nested.rollback()


async def undo_a_part(session: AsyncSession, unit: UnitOfWork) -> None:
    with pytest.raises(IntegrityError):  # noqa: PT012  # the block is what is tested
        async with unit:
            session.add(Loan(id="popular"))
            await session.flush()


async def close(session: AsyncSession, unit: UnitOfWork) -> None:
    await session.close()


def fail_to_flush_plainly(session: Session) -> None:
    session.add(Loan(id="popular"))
    with pytest.raises(IntegrityError):
        session.flush()


def undo_a_savepoint_plainly(session: Session) -> None:
    with pytest.raises(IntegrityError), session.begin_nested():
        session.add(Loan(id="popular"))


async def kept(app: App) -> tuple[list[str], int, list[str]]:
    """The rows, how many events there are, and how the audit trail says that the commands ended."""
    trail = [entry.outcome async for entry in app.audit.entries()]
    return (await app.execute(Loans())).unwrap(), await app.store.log.head(), trail


@pytest.mark.parametrize("work", [fail_to_flush, fail_and_go_on, roll_back, roll_back_what_is_pending, fail_in_a_block])
async def test_nothing_commits_without_what_was_lost(app: App, work: Work) -> None:
    """Neither an event nor a row, whatever the handler does with the session afterwards, and it is no Success."""
    working.set(work)
    with pytest.raises(SessionRolledBack, match="rolled back"):
        await app.execute(Lend(id="a"))
    rows, events, trail = await kept(app)
    assert (rows, events, trail.count("success")) == (["popular"], 1, 1)


@pytest.mark.parametrize("work", [undo_a_savepoint, undo_a_part, close])
async def test_what_is_undone_alone_leaves_the_rest(app: App, work: Work) -> None:
    """Savepoints and parts are made for that, and closing a session undoes nothing."""
    working.set(work)
    assert (await app.execute(Lend(id="a"))).is_success
    rows, events, trail = await kept(app)
    assert (rows, events, trail.count("success")) == (["a", "popular"], 2, 2)


@pytest.mark.parametrize("work", [fail_to_flush_plainly, Session.rollback])
async def test_a_plain_session_is_no_exception(app: App, work: PlainWork) -> None:
    """That of a `def` is refused in the same way."""
    working_plainly.set(work)
    with pytest.raises(SessionRolledBack):
        await app.execute(LendPlainly(id="a"))
    assert (await kept(app))[:2] == (["popular"], 1)
    working_plainly.set(undo_a_savepoint_plainly)
    assert (await app.execute(LendPlainly(id="a"))).is_success
    assert (await kept(app))[:2] == (["a", "popular"], 2)


@pytest.mark.parametrize("commands", [("a", "popular"), ("popular", "a")])
async def test_a_plain_command_inside_is_undone_alone(app: App, commands: tuple[str, str]) -> None:
    """What it lost was its own, so the one around it goes on with the rest."""
    told = await app.execute(LendBoth(first=commands[0], second=commands[1]))
    assert told.unwrap() == [one == "a" for one in commands]
    assert (await kept(app))[:2] == (["a", "popular"], 2)


async def test_an_entity_is_not_left_behind_by_its_events(app: App) -> None:
    """Whoever rolls back the session of a repository has lost what it saved."""
    assert (await app.execute(Join(id="ada"))).is_success
    with pytest.raises(SessionRolledBack):
        await app.execute(Dun(id="ada"))
    assert len(await app.store.log.read_stream("member-ada")) == 1
