"""Projections that write with a session of their own: in one transaction with what is queued, in order."""

from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from examples._demo.database import Database
from tests.app.selecting import selected
from twofold import App, Command, Event, EventBus, Module, Query, Refused, Rows
from twofold.app.administration import administering
from twofold.dispatch import Mode
from twofold.errors import Fault, FaultError
from twofold.messages import Context
from twofold.projections import Projector
from twofold.store import Batch, Delete, Move, Recorded, RowChange, Store, Upsert, decode

pytestmark = pytest.mark.anyio

FOLLOWING: list[Mode] = ["inline", "async"]


@dataclass(frozen=True, kw_only=True)
class Set(Event):
    value: int


@dataclass(frozen=True, kw_only=True)
class Added(Event):
    value: int


@dataclass(frozen=True, kw_only=True)
class Doubled(Event):
    pass


@dataclass(frozen=True, kw_only=True)
class Undone(Event):
    pass


@dataclass(frozen=True, kw_only=True)
class Broken(Event):
    pass


class Tables(DeclarativeBase):
    pass


class Value(Tables):
    __tablename__ = "value_now"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int]


class Note(Tables):
    __tablename__ = "notes"

    position: Mapped[int] = mapped_column(primary_key=True)
    seen: Mapped[int]


class State(Tables):
    __tablename__ = "state"

    name: Mapped[str] = mapped_column(primary_key=True)


KEY = {"name": "x"}


class Values:
    """Sets, adds and notes by queueing, and doubles by SQL."""

    def set(self, event: Set) -> RowChange:
        return Upsert(Value, KEY, {"value": event.value})

    def added(self, event: Added, rows: Rows) -> None:
        rows.add(Value, KEY, value=event.value)

    async def doubled(self, event: Doubled, session: AsyncSession, rows: Rows) -> None:
        row = self.kept = await session.get_one(Value, "x")
        rows.upsert(Note, {"position": row.value}, seen=row.value)
        row.value *= 2

    async def undone(self, event: Undone, session: AsyncSession) -> list[RowChange]:
        await session.execute(update(Value).values(value=-1))
        await session.rollback()
        return [Delete(Note, {"position": 3})]

    async def broken(self, event: Broken, session: AsyncSession) -> None:
        await session.execute(update(Value).values(value=-2))
        raise ArithmeticError("broken")


@pytest.fixture
def database(each_database: Database) -> str:
    return each_database.address


def module_in(mode: Mode) -> Module:
    module = Module("values")
    module.register(Work, lambda command: None)
    module.projection("values", mode=mode, tables=[Value, Note])(Values)
    return module


async def record(app: App, *events: Event) -> None:
    unit = app.new_unit(Context())
    unit.append("x", *events)
    await unit.commit()


async def rows(store: Store) -> tuple[list[int], list[int]]:
    """The value, and what was noted of it."""

    return (
        [value for (value,) in await selected(store, "SELECT value FROM value_now")],
        [seen for (seen,) in await selected(store, "SELECT seen FROM notes ORDER BY position")],
    )


EVENTS = (Set(value=1), Added(value=2), Doubled(), Added(value=1), Doubled(), Set(value=5), Doubled())


@pytest.mark.parametrize("mode", FOLLOWING)
async def test_each_method_sees_what_came_before_it(database: str, mode: Mode) -> None:
    """Queued changes are there when SQL runs, SQL is there when the next ones are written; no object is stale."""
    async with App("values", modules=[module_in(mode)], database=database) as app:
        await record(app, *EVENTS)
        await app.settle()
        assert await rows(app.store) == ([10], [3, 5, 7])
        await record(app, Undone(), Added(value=1))
        await app.settle()
        assert await rows(app.store) == ([11], [5, 7])


async def projector(app: App) -> Projector:
    """The projection behind the log, run by hand."""
    return Projector(app.assembly.projections[0], app.store, app.router.catalogue)


async def test_a_batch_that_breaks_in_the_middle_leaves_nothing(database: str) -> None:
    """Neither what was written by SQL before, nor what was queued, nor the checkpoint."""
    app = App("values", modules=[module_in("async")], database=database)
    app.check()
    await app.store.start()
    await app.store.create_tables([Value, Note])
    await record(app, Set(value=1), Doubled(), Broken(), Doubled())
    facts = decode(app.router.catalogue, await app.store.log.read(0, until=4, limit=10))
    with pytest.raises(ArithmeticError):
        await (await projector(app)).handle(facts, Batch(moves=(Move("values", 4, 0),)))
    assert await rows(app.store) == ([], [])
    assert (await app.store.checkpoints.get("values")).position == 0
    await (await projector(app)).handle(facts[:2], Batch(moves=(Move("values", 2, 0),)))
    assert await rows(app.store) == ([2], [1])
    assert (await app.store.checkpoints.get("values")).position == 2
    await app.store.stop()


async def test_a_stale_owner_writes_nothing_by_sql_either(database: str) -> None:
    """The checkpoint is in the same transaction."""
    app = App("values", modules=[module_in("async")], database=database)
    app.check()
    await app.store.start()
    await app.store.create_tables([Value, Note])
    await record(app, Set(value=1), Doubled())
    facts = decode(app.router.catalogue, await app.store.log.read(0, until=2, limit=10))
    with pytest.raises(Exception, match="another owner moved it"):
        await (await projector(app)).handle(facts, Batch(moves=(Move("values", 2, 1),)))
    assert await rows(app.store) == ([], [])
    await app.store.stop()


async def test_inline_what_breaks_undoes_the_command(database: str) -> None:
    """Its events, its own SQL and what the projection wrote before."""
    async with App("values", modules=[module_in("inline")], database=database) as app:
        with pytest.raises(ArithmeticError):
            await record(app, Set(value=1), Doubled(), Broken())
        assert await rows(app.store) == ([], [])
        assert await app.store.log.head() == 0


class Newer:
    """The value without SQL, as a newer version has it."""

    def set(self, event: Set, rows: Rows) -> None:
        rows.upsert(Value, KEY, value=100 * event.value)


async def test_a_roll_back_to_one_with_a_session_leaves_its_own_rows_as_they_were(database: str) -> None:
    """It knows the live tables only, so it goes on from where it stood once it is live, and not before."""
    newer = Module("values")
    newer.register(Work, lambda command: None)
    newer.projection("values", tables=[Value, Note], version=2)(Newer)
    async with App("values", modules=[module_in("async")], database=database) as old:
        await record(old, Set(value=1), Doubled())
        await old.settle()
    async with App("values", modules=[newer], database=database) as new:
        await record(new, Set(value=3), Doubled())
        await new.settle()
        assert await rows(new.store) == ([300], [])
    async with administering(App("values", modules=[module_in("async")], database=database)) as administration:
        await administration.rollback("values")
    async with App("values", modules=[module_in("async")], database=database) as old:
        await old.settle()
        assert await rows(old.store) == ([6], [1, 3])


@dataclass(frozen=True, kw_only=True)
class Work(Command[None]):
    """Writes state with a session and publishes; then ends as told."""

    surviving: bool = False
    fail: bool = False


class FromState:
    async def set(self, event: Set, session: AsyncSession, recorded: Recorded) -> None:
        names = (await session.scalars(select(State.name))).all()
        await session.execute(insert(Note).values(position=recorded.version + event.value, seen=len(names)))


def working(mode: Mode) -> Module:
    module = Module("working")
    module.state(State)
    module.projection("from_state", mode=mode, tables=[Note])(FromState)

    @module.handler
    async def work(command: Work, session: AsyncSession, bus: EventBus) -> None:
        if command.surviving:
            await bus.publish(Set(value=7), survive=True)
        session.add(State(name="written"))
        await bus.publish(Set(value=1))
        if command.surviving:
            await session.flush()
            await bus.publish(Set(value=8), survive=True)
        if command.fail:
            raise Refused("no")

    return module


async def notes(store: Store) -> list[tuple[int, int]]:
    query = "SELECT position, seen FROM notes ORDER BY position"
    found: list[tuple[int, int]] = await selected(store, query)
    return found


async def test_inline_it_is_the_session_of_the_command(database: str) -> None:
    """It sees what the command wrote, and commits or fails with it."""
    async with App("working", modules=[working("inline")], database=database) as app:
        assert (await app.execute(Work(fail=True))).is_failure
        assert await notes(app.store) == []
        assert (await app.execute(Work())).is_success
        assert await notes(app.store) == [(1, 1)]


async def test_inline_it_sees_events_that_outlive_a_roll_back(database: str) -> None:
    """In transactions of their own: without what was rolled back."""
    async with App("working", modules=[working("inline")], database=database) as app:
        assert (await app.execute(Work(surviving=True, fail=True))).is_failure
        assert await notes(app.store) == [(7, 0), (8, 0)]
        assert await app.store.log.head() == 2


async def test_from_async_to_inline_it_catches_up_first(database: str) -> None:
    """The switch runs the same methods with the same sessions."""
    async with App("values", modules=[module_in("async")], database=database) as app:
        await record(app, *EVENTS)
        await app.settle()
    without = Module("without")
    without.events(Doubled)
    async with App("values", modules=[without], database=database) as app:
        await record(app, Doubled())
    async with App("values", modules=[module_in("inline")], database=database) as app:
        assert await rows(app.store) == ([20], [3, 5, 7, 10])
        await record(app, Added(value=1))
        assert await rows(app.store) == ([21], [3, 5, 7, 10])


def only(module: Module, database: str = "never-opened.db") -> Fault:
    faults = [
        fault for fault in App("m", modules=[module], database=database).check() if fault.code != "handler_not_found"
    ]
    assert len(faults) == 1, [str(fault) for fault in faults]
    return faults[0]


class DefWithSession:
    def set(self, event: Set, session: AsyncSession) -> None: ...


class Awaiting:
    async def set(self, event: Set, rows: Rows) -> None: ...


class Blocking:
    def set(self, event: Set, session: Session) -> None: ...


class Yielding:
    async def set(self, event: Set, session: AsyncSession) -> Any:
        yield Upsert(Value, KEY, {"value": 1})


class Both:
    def set(self, event: Set | Added, rows: Rows) -> None: ...


class Counting:
    def set(self, event: Set) -> int:
        return 1


@pytest.mark.parametrize(
    "cls, code, text",
    [
        (DefWithSession, "async_mistake", "is a def and takes an AsyncSession, which has to be awaited"),
        (Awaiting, "async_mistake", "is async def"),
        (Blocking, "untyped_parameter", "has a parameter 'session' that is neither Rows, Recorded nor AsyncSession"),
        (Yielding, "async_mistake", "is an async generator, which nobody iterates"),
        (Both, "no_event", "takes a union, and a method takes one event"),
        (Counting, "unusable_answer", "answers int, and only changes of rows can be written"),
    ],
)
def test_shapes_that_cannot_work_are_faults(cls: type, code: str, text: str) -> None:
    """Each is named with the method at the start."""
    module = Module("m")
    module.projection("p", tables=[Value])(cls)
    fault = only(module)
    assert fault.where.endswith(f"{cls.__name__}.set")
    assert fault.code == code
    assert fault.text.startswith(text)
    assert fault.hint


async def test_one_with_a_session_is_not_built_beside_itself(database: str) -> None:
    """A reset is refused with a way out, and changes nothing."""
    async with App("values", modules=[module_in("async")], database=database) as app:
        await record(app, Set(value=1), Doubled())
        await app.settle()
        with pytest.raises(FaultError, match="knows only the live tables") as refused:
            await app.projections.reset("values")
        assert refused.value.hint == "give it a new name and new tables, or queue row changes"
        assert await rows(app.store) == ([2], [1])


def test_a_version_of_one_with_a_session_is_one_fault() -> None:
    """Queries that read it are not told that there is none."""
    module = Module("values")

    @dataclass(frozen=True, kw_only=True)
    class Ask(Query[None]):
        pass

    module.projection("values", tables=[Value, Note], version=2)(Values)
    module.register(Ask, lambda query: None, reads=["values"])
    assert only(module).code == "session_version"


def test_a_session_where_there_is_no_sql_is_a_fault() -> None:
    """The store in memory has none to lend."""
    assert only(module_in("async"), "memory:").code == "no_sql"


def test_answers_without_a_table_are_a_fault() -> None:
    """What is answered goes to tables that are declared, like what is queued."""
    table: Table[Any] = Table("t", MetaData(), Column("name", String, primary_key=True), Column("value", Integer))
    module = Module("m")

    @module.projection("p")
    class Answering:
        def set(self, event: Set) -> list[Upsert]:
            return [Upsert(table, KEY, {"value": 1})]

    assert only(module).code == "no_table"
    assert only(module).text == "answers changes of rows, and no table is declared"


class Confused:
    def set(self, event: Set) -> Any:
        return 1 if event.value else ["no change"]


@pytest.mark.parametrize("value", [0, 1])
async def test_an_answer_that_is_no_change_is_refused(database: str, value: int) -> None:
    """Whatever its annotation has promised; inline, the command writes nothing."""
    module = Module("confused")
    module.register(Work, lambda command: None)
    module.projection("confused", mode="inline", tables=[Value])(Confused)
    async with App("confused", modules=[module], database=database) as app:
        with pytest.raises(FaultError, match="which is no change of rows"):
            await record(app, Set(value=value))
        assert await app.store.log.head() == 0
