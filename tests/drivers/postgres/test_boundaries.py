"""Conditions hold however decisions overlap: nobody commits what another one has made wrong meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from tests.aggregates.campus import (
    CapacityChanged,
    CourseDefined,
    CourseFull,
    DefineCourse,
    Seat,
    Seats,
    StudentSubscribed,
    Subscribe,
    campus,
)
from tests.drivers.deciding import Decider, deciders, prove
from tests.drivers.postgres.conftest import Open, Plain
from tests.drivers.postgres.schema import schema_of
from twofold import App, AsOf, Exists, History, Live, Module, Query, Rows, Success
from twofold.aggregates import Boundary
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.postgres._append import Calls, calls
from twofold.drivers.postgres._names import Names
from twofold.drivers.postgres._where import any_of
from twofold.errors import ConditionFailed
from twofold.messages import Catalogue, Context
from twofold.store import Append, Batch, Selection, UnitOfWork
from twofold.testing._store_case import draft, whole_log

pytestmark = pytest.mark.anyio


class Tables(DeclarativeBase): ...


class RollRow(Tables):
    __tablename__ = "rolls"

    course_id: Mapped[str] = mapped_column(primary_key=True)
    students: Mapped[int] = mapped_column(default=0)


@dataclass(frozen=True, kw_only=True)
class CountStudents(Query[int]):
    course_id: str


rolls = Module("rolls")


@rolls.projection("rolls", mode="live", tables=[RollRow])
class Rolls:
    def subscribed(self, event: StudentSubscribed, rows: Rows) -> None:
        rows.add(RollRow, {"course_id": event.course_id}, students=1)


@rolls.handler
async def count_students(query: CountStudents, live: Live[Rolls]) -> int:
    found = (await live.read(tags={f"course:{query.course_id}"})).row(RollRow, course_id=query.course_id)
    return 0 if found is None else found.students


@pytest.fixture
async def writers(postgres_url: str) -> AsyncIterator[list[Plain]]:
    """Twenty connections, each of a process of its own as far as the server knows."""
    connections = [await asyncpg.connect(postgres_url) for _ in range(20)]
    yield connections
    for connection in connections:
        connection.terminate()


@pytest.mark.parametrize("seconds", [2.0, pytest.param(30.0, marks=pytest.mark.faults)])
async def test_no_decision_is_committed_too_late(
    store: PostgresStore, writers: list[Plain], postgres_url: str, seconds: float
) -> None:
    """Twenty writers with random conditions, plain appends among them, and a stall before each commit.

    Whoever is refused is refused by an event that its condition means, and nobody is who depends on nothing of others.
    """
    calling = calls(Names(schema_of(postgres_url)))
    end = asyncio.get_running_loop().time() + seconds

    async def keep_deciding(decider: Decider, connection: Plain) -> None:
        while asyncio.get_running_loop().time() < end:
            batch = await decider.decide(store)
            await connection.execute("BEGIN")
            try:
                written = await calling.of(batch).send(connection)
            except ConditionFailed as error:
                decider.refused(error)
                await connection.execute("ROLLBACK")
                continue
            await asyncio.sleep(decider.stall())
            await connection.execute("COMMIT")
            decider.committed(written.position)

    deciding = deciders(0, len(writers))
    await asyncio.gather(*map(keep_deciding, deciding, writers))
    told = [one for decider in deciding for one in decider.told]
    prove(await whole_log(store), told)
    saw_more = any(one.seen for one in told if one.refused_by is None)  # than the head; two seconds may be too short
    assert saw_more or seconds < 30


async def test_what_is_in_flight_below_what_was_read_refuses(
    store: PostgresStore, writers: list[Plain], postgres_url: str
) -> None:
    """A position that was drawn before the decision read, and commits after it, is not slipped past."""
    slow, quick = writers[:2]
    calling = calls(Names(schema_of(postgres_url)))
    catalogue = Catalogue()
    catalogue.add(StudentSubscribed)

    taken = draft("student_subscribed")._replace(tags=("course:c", "student:a"), data=b"{}")
    await slow.execute("BEGIN")
    drawn = (await calling.of(Batch((Append("a", (taken,)),))).send(slow)).position
    await calling.of(Batch((Append("elsewhere", (draft("other"),)),))).send(quick)
    unit = UnitOfWork(store, catalogue, Context())
    seat, boundary = Seat("c", "a"), Boundary(unit, store, catalogue)
    await boundary.read(seat)
    assert not seat.taken
    boundary.record(StudentSubscribed(course_id="c", student_id="a"))
    deciding = asyncio.create_task(unit.commit())
    await slow.execute("COMMIT")
    with pytest.raises(ConditionFailed) as refused:
        await deciding
    assert refused.value.position == drawn


@pytest.fixture
async def school(store: PostgresStore) -> AsyncIterator[App]:
    """Courses and students, and a projection that is folded when it is read."""
    async with App("campus", modules=[campus, rolls], database=store) as app:
        yield app


async def test_whoever_decides_or_asks_is_not_held_back(school: App, opened: Open) -> None:
    """A transaction that is open elsewhere holds the head, and what was committed above it is known all the same."""
    slow = await opened("slow", 3)
    caller = school.caller()
    assert await caller.execute(DefineCourse(course_id="c", capacity=2)) == Success(None)
    assert isinstance((await caller.execute(DefineCourse(course_id="c", capacity=9))).error, Exists)
    for student in ("s1", "s2"):
        assert await caller.execute(Subscribe(course_id="c", student_id=student)) == Success(None)
    assert isinstance((await caller.execute(Subscribe(course_id="c", student_id="s3"))).error, CourseFull)
    assert await caller.execute(CountStudents(course_id="c")) == Success(2)
    then, history = Seats("c"), await school.get(History)
    await history.read(then, as_of=AsOf.position(caller.position))
    assert (then.capacity, then.taken, await school.store.log.head()) == (2, 2, 0)
    await slow.execute("COMMIT")
    assert await caller.execute(CountStudents(course_id="c")) == Success(2)


async def test_what_is_in_flight_refuses_whoever_has_seen_what_stands_above_it(
    store: PostgresStore, opened: Open, calling: Calls
) -> None:
    """A decision that knows of a later event does not know of that one."""
    catalogue = Catalogue()
    for event in (CourseDefined, CapacityChanged, StudentSubscribed):
        catalogue.add(event)
    slow = await opened("slow")
    taken = draft("student_subscribed")._replace(tags=("course:c", "student:a"), data=b"{}")
    drawn = (await calling.of(Batch((Append("a", (taken,)),))).send(slow)).position
    quick, unit, seats = UnitOfWork(store, catalogue, Context()), UnitOfWork(store, catalogue, Context()), Seats("c")
    quick.append("b", StudentSubscribed(course_id="c", student_id="b"))
    await quick.commit()
    boundary = Boundary(unit, store, catalogue)
    await boundary.read(seats)
    assert seats.taken == 1
    boundary.record(StudentSubscribed(course_id="c", student_id="d"))
    deciding = asyncio.create_task(unit.commit())
    await slow.execute("COMMIT")
    with pytest.raises(ConditionFailed) as refused:
        await deciding
    assert refused.value.position == drawn


async def test_a_read_of_several_selections_looks_at_what_carries_their_tags(
    store: PostgresStore, writers: list[Plain], postgres_url: str
) -> None:
    """Not at every event of the log, which may be long."""
    events = tuple(draft()._replace(tags=(f"t:{n % 500}", f"u:{n % 300}")) for n in range(3000))
    await store.commit(Batch((Append("s", events),)))
    where = [Selection(tags=frozenset(tags)) for tags in ({"t:1"}, {"u:1"}, {"t:1", "u:1"})]
    condition, values = any_of(where, 4)
    query = "EXPLAIN ANALYZE SELECT * FROM {schema}.twofold_events WHERE position > $1 AND position <= $2 AND "
    query += f"{condition} ORDER BY position LIMIT $3"
    plan = await writers[0].fetch(Names(schema_of(postgres_url)).sql(query), 0, 3000, 1000, *values)
    removed = [int(text.split(":")[1]) for (text,) in plan if "Rows Removed by Filter" in text]
    assert sum(removed) <= 20, plan
    assert len(await store.log.read(0, until=3000, limit=1000, where=where)) == 14
