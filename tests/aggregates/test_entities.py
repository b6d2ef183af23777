"""Entities: rows that record events, loaded and saved by repositories, in each database."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from examples._demo.database import Database, PostgresSchema
from tests.aggregates.members import (
    Join,
    Member,
    Opened,
    Pay,
    See,
    Seen,
    Ticket,
    Try,
    Work,
    club,
    members,
    trying,
)
from twofold import App, AsOf, Command, CommandBus, Module, Repository, Success
from twofold.errors import Exists, NotFound, PreconditionFailed, Refused, VersionConflict, WiringError
from twofold.store import current_unit

pytestmark = pytest.mark.anyio


@pytest.fixture
async def app(each_database: Database) -> AsyncGenerator[App]:
    """A club with one member, who has paid 10."""
    async with club(each_database.address) as app:
        assert await app.execute(Join(id="ada")) == Success(None)
        assert await app.execute(Pay(id="ada", amount=10)) == Success(10)
        yield app


async def history(app: App, member: str = "ada") -> list[str]:
    """The types in a stream."""
    return [recorded.type for recorded in await app.store.log.read_stream(f"member-{member}")]


async def test_events_commit_with_the_row(app: App) -> None:
    """In the stream of the entity; what is refused leaves neither."""
    assert await history(app) == ["joined", "paid"]
    assert isinstance((await app.execute(Pay(id="ada", amount=91))).error, Refused)
    assert await app.execute(Pay(id="ada", amount=5)) == Success(15)
    assert await history(app) == ["joined", "paid", "paid"]


async def test_what_is_not_there_is_a_failure_and_what_is_taken_too(app: App) -> None:
    """As it is with aggregates."""
    missing = (await app.execute(Pay(id="bob", amount=1))).error
    assert (type(missing), str(missing)) == (NotFound, "there is no member bob")
    taken = (await app.execute(Join(id="ada"))).error
    assert (type(taken), str(taken)) == (Exists, "there is a member ada already")
    assert await history(app) == ["joined", "paid"]


async def test_what_else_the_database_refuses_is_not_taken_for_the_id(app: App) -> None:
    """Somebody has the address, and nobody the id."""
    with pytest.raises(IntegrityError):
        await app.execute(Join(id="eve", email="ada@members"))
    assert await history(app, "eve") == []


async def test_of_many_who_join_under_one_id_one_does(app: App) -> None:
    """The others are told so, whether they looked before or after it was there."""
    told = await asyncio.gather(*(app.execute(Join(id="bob", email=f"{number}@members")) for number in range(6)))
    assert [type(result.error) for result in told if result.is_failure] == [Exists] * 5
    assert await history(app, "bob") == ["joined"]


async def test_at_once_each_decides_on_what_the_others_left(app: App) -> None:
    """No more is paid than may be, and no conflict is told."""
    told = await asyncio.gather(*(app.execute(Pay(id="ada", amount=30)) for _ in range(6)))
    assert sorted(result.value for result in told if result.is_success) == [40, 70, 100]
    assert {type(result.error) for result in told if result.is_failure} == {Refused}
    assert (await history(app)).count("paid") == 4


async def test_a_command_inside_that_fails_is_undone_alone(app: App) -> None:
    """The object that the outer one holds is as it was before, its events too, and can be read and changed."""
    assert await app.execute(Pay(id="ada", amount=5, refused=50)) == Success(16)
    paid = [recorded.data for recorded in await app.store.log.read_stream("member-ada", after=1)]
    assert [b'{"amount":%d}' % amount for amount in (10, 1, 5)] == paid


async def test_an_event_counts_though_the_row_stays_as_it_is(app: App) -> None:
    """Nobody need save what was loaded, and the version says that something has happened."""
    caller = app.caller()
    assert await caller.execute(See(id="ada")) == Success(None)
    assert caller.version == 3
    assert await history(app) == ["joined", "paid", "seen"]


async def test_of_many_who_create_what_they_did_not_find_each_is_done(postgres_schema: PostgresSchema) -> None:
    """One inserts the row; the others decide again, and find it, wherever it was to be written."""
    meet, seen = asyncio.Barrier(3), list[bool]()
    module = Module("visiting")

    @dataclass(frozen=True, kw_only=True)
    class Visit(Command[int]):
        flush: bool = False

    @dataclass(frozen=True, kw_only=True)
    class Send(Command[int]):
        pass

    @module.handler
    async def visit(command: Visit, repository: Repository[Member], session: AsyncSession) -> int:
        member = await repository.find("bob")
        seen.append(member is not None)
        if len(seen) <= meet.parties:
            await meet.wait()  # nobody has found one
        member = member or Member.join("bob", "bob@members")
        member.pay(10).unwrap()
        await repository.save(member)
        if command.flush:
            await session.flush()
        return member.paid

    @module.handler
    async def send(command: Send, bus: CommandBus, _: AsyncSession) -> int:
        return (await bus.execute(Visit())).unwrap()

    async with App("club", modules=[members, module], database=postgres_schema.address) as app:
        told = await asyncio.gather(*(app.execute(one) for one in (Visit(), Visit(flush=True), Send())))
        assert sorted(result.unwrap() for result in told) == [10, 20, 30]
        assert seen[:3] == [False] * 3
        assert all(seen[3:])
        assert await history(app, "bob") == ["joined", "paid", "paid", "paid"]


async def test_who_saves_a_new_one_under_an_id_that_is_taken_is_in_conflict(app: App) -> None:
    """Its row stays as it is; what else the database refuses is told as that."""

    async def work(repository: Repository[Member], *_: object) -> object:
        await repository.save(Member.join("ada", "other@members"))
        return None

    trying.set(work)
    assert isinstance((await app.execute(Try())).error, VersionConflict)

    async def other(repository: Repository[Member], *_: object) -> object:
        await repository.save(Member.join("bob", "ada@members"))
        return None

    trying.set(other)
    with pytest.raises(IntegrityError):
        await app.execute(Try())
    assert await history(app) == ["joined", "paid"]


async def test_a_sender_may_expect_a_version(app: App) -> None:
    """That of the row, which each command that changes it answers."""
    caller = app.caller(expected=2)
    assert await caller.execute(Pay(id="ada", amount=1)) == Success(11)
    assert caller.version == 3
    failed = (await app.caller(expected=2).execute(Pay(id="ada", amount=1))).error
    assert isinstance(failed, PreconditionFailed)
    assert (failed.stream, failed.actual) == ("member-ada", 3)
    assert (await app.caller(expected=0).execute(Join(id="bob"))).is_success
    assert isinstance((await app.caller(expected=1).execute(Join(id="eve"))).error, PreconditionFailed)


async def test_who_has_only_looked_is_told_no_version(app: App) -> None:
    """Nothing was written."""
    caller = app.caller()
    assert (await caller.execute(Pay(id="ada", amount=91))).is_failure
    assert caller.version is None


async def test_there_is_one_of_an_id_in_a_unit(app: App) -> None:
    """Loaded or saved, however often it is asked for; one that is new is found before it is written."""

    async def work(repository: Repository[Member], *_: object) -> object:
        first = (await repository.get("ada")).unwrap()
        new = Member.join("bob", "bob@members")
        await repository.save(new)
        return [await repository.find("ada") is first, await repository.find("bob") is new]

    assert await within(app, work) == [True, True]
    assert await history(app, "bob") == ["joined"]


async def test_what_a_part_had_loaded_is_loaded_again_once_it_is_undone(app: App) -> None:
    """Nothing is left of what it recorded and changed, though a session knows one object of a row."""

    async def work(repository: Repository[Member], *_: object) -> object:
        unit = current_unit()
        assert unit is not None
        held = list[Member]()
        with pytest.raises(KeyError):  # noqa: PT012  # the block is what is tested
            async with unit:
                held.append((await repository.get("ada")).unwrap())
                held[0].pay(50).unwrap()
                await repository.save(held[0])
                raise KeyError
        member = (await repository.get("ada")).unwrap()
        member.record(Seen())
        return member is held[0], member.paid

    assert await within(app, work) == (True, 10)
    assert await history(app) == ["joined", "paid", "seen"]


async def test_an_id_may_be_given_by_the_database(app: App) -> None:
    """Its row is written at once, so that its events can have the id and its stream the name."""

    async def work(_: object, tickets: Repository[Ticket], bus: CommandBus) -> object:
        for add in (tickets.add, tickets.save):
            ticket = Ticket()
            await add(ticket)
            ticket.record(Opened(id=ticket.number))
        return None

    await within(app, work)
    for number in (1, 2):
        (opened,) = await app.store.log.read_stream(f"queue-{number}")
        assert opened.data == b'{"id":%d}' % number


async def test_a_row_has_no_past(app: App) -> None:
    """Its stream has; who asks a repository for it is told so."""

    async def work(repository: Repository[Member], *_: object) -> object:
        with pytest.raises(WiringError, match="has no past"):
            await repository.get("ada", as_of=AsOf.version(1))
        return True

    assert await within(app, work) is True


@pytest.mark.parametrize("expected", [None, 2], ids=["anyhow", "expected"])
async def test_who_was_overtaken_decides_again(postgres_schema: PostgresSchema, expected: int | None) -> None:
    """On what the other one left, or is told that it is not as expected; also where nothing of the row is changed."""
    meet, seen = asyncio.Barrier(2), list[int]()
    module = Module("crossing")

    @dataclass(frozen=True, kw_only=True)
    class Cross(Command[int]):
        pass

    @module.handler
    async def cross(command: Cross, repository: Repository[Member]) -> int:
        member = (await repository.get("ada")).unwrap()
        seen.append(member.version)
        if len(seen) <= meet.parties:
            await meet.wait()  # both have loaded the same version
        member.record(Seen())
        return member.version

    async with App("club", modules=[members, module], database=postgres_schema.address) as app:
        await app.execute(Join(id="ada"))
        await app.execute(Pay(id="ada", amount=10))
        told = await asyncio.gather(*(app.caller(expected=expected).execute(Cross()) for _ in range(2)))
        assert seen == [2, 2, 3]
        if expected is None:
            assert sorted(result.unwrap() for result in told) == [2, 3]
            assert await history(app) == ["joined", "paid", "seen", "seen"]
        else:
            (failed,) = [result.error for result in told if result.is_failure]
            assert isinstance(failed, PreconditionFailed)
            assert failed.actual == 3
            assert await history(app) == ["joined", "paid", "seen"]


async def within(app: App, work: Work) -> object:
    """What a handler comes to that does some work."""
    trying.set(work)
    return (await app.execute(Try())).unwrap()
