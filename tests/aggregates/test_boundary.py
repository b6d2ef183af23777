"""Boundaries: what a decision depends on is read as of one moment, and nothing commits that it would not allow now."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from tests.aggregates.campus import (
    CapacityChanged,
    ChangeCapacity,
    CourseDefined,
    CourseFull,
    DefineCourse,
    Seat,
    Seats,
    StudentSubscribed,
    Subscribe,
    SubscribeAll,
    Timetable,
    TooManyCourses,
    campus_on,
)
from twofold import Aggregate, App, AsOf, Boundary, Event, Exists, History, NotFound, Repository, Success
from twofold.clock import new_id
from twofold.errors import ConditionFailed, WiringError
from twofold.messages import Catalogue, Context, Encoded, Upcaster
from twofold.store import Append, Batch, Draft, Fact, MemoryStore, Store, UnitOfWork

pytestmark = pytest.mark.anyio


@pytest.fixture
async def app(address: str) -> AsyncIterator[App]:
    """The campus on each store."""
    async with campus_on(address) as app:
        yield app


def subscribe(course: str, student: str) -> Subscribe:
    """A command."""
    return Subscribe(course_id=course, student_id=student)


async def told(app: App) -> list[tuple[str, tuple[str, ...]]]:
    """What the log says: types and tags."""
    head = await app.store.log.head()
    return [(event.type, event.tags) for event in await app.store.log.read(0, until=head, limit=1000)]


async def test_rules_span_a_course_and_a_student(app: App) -> None:
    """Each refusal of the course example, and what is recorded carries what it concerns."""
    assert isinstance((await app.execute(subscribe("c1", "s1"))).error, NotFound)
    assert (await app.execute(DefineCourse(course_id="c1", capacity=1))).is_success
    assert isinstance((await app.execute(DefineCourse(course_id="c1", capacity=9))).error, Exists)
    assert await app.execute(subscribe("c1", "s1")) == Success(None)
    assert isinstance((await app.execute(subscribe("c1", "s1"))).error, Exists)
    assert isinstance((await app.execute(subscribe("c1", "s2"))).error, CourseFull)
    for number in range(2, 6):
        await app.execute(DefineCourse(course_id=f"c{number}", capacity=9))
        assert (await app.execute(subscribe(f"c{number}", "s1"))).is_success
    await app.execute(DefineCourse(course_id="c6", capacity=9))
    assert isinstance((await app.execute(subscribe("c6", "s1"))).error, TooManyCourses)
    assert (await app.execute(ChangeCapacity(course_id="c1", capacity=2))).is_success
    assert (await app.execute(subscribe("c1", "s2"))).is_success
    assert (await told(app))[:2] == [
        ("course_defined", ("course:c1",)),
        ("student_subscribed", ("course:c1", "student:s1")),
    ]


async def test_of_many_at_once_those_succeed_that_there_is_room_for(app: App) -> None:
    """The others are refused for the reason, and no conflict is told to anybody."""
    await app.execute(DefineCourse(course_id="c1", capacity=3))
    results = await asyncio.gather(*(app.execute(subscribe("c1", f"s{number}")) for number in range(12)))
    assert sum(result.is_success for result in results) == 3
    assert {type(result.error) for result in results if result.is_failure} == {CourseFull}
    assert sum(kind == "student_subscribed" for kind, _ in await told(app)) == 3


async def test_commands_of_one_unit_see_what_those_before_them_did(app: App) -> None:
    """Though nothing of it is in the log before they commit together."""
    await app.execute(DefineCourse(course_id="c1", capacity=2))
    everybody = SubscribeAll(course_id="c1", student_ids=("s1", "s2", "s3", "s2"))
    assert await app.execute(everybody) == Success(2)
    assert sum(kind == "student_subscribed" for kind, _ in await told(app)) == 2


async def test_a_decision_is_told_what_older_events_are_today() -> None:
    """Of another name and form, and of several that one has become only those that it depends on."""
    catalogue, store = Catalogue(), MemoryStore()
    for cls in (CourseDefined, StudentSubscribed, CapacityChanged):
        catalogue.add(cls)

    def opened(data: Any) -> list[Encoded]:
        course = {"course_id": data["course"]}
        return [
            Encoded("course_defined", {**course, "capacity": data["seats"]}),
            Encoded("student_subscribed", {**course, "student_id": data["first"]}),
        ]

    catalogue.upcasters.add(Upcaster("course_opened", 1, opened, into=("course_defined", "student_subscribed")))
    await store.start()
    old = b'{"course": "c1", "seats": 4, "first": "s1"}'
    draft = Draft(new_id(), "course_opened", 1, old, {}, datetime.now(UTC), ("course:c1",))
    await store.commit(Batch((Append("old", (draft,)),)))
    unit = UnitOfWork(store, catalogue, Context())
    seats = Seats("c1")
    await Boundary(unit, store, catalogue).read(seats)
    assert (seats.capacity, seats.taken) == (4, 1)
    await store.commit(Batch((Append("old", (draft._replace(id=new_id()),)),)))
    unit.record(CapacityChanged(course_id="c1", capacity=9))
    with pytest.raises(ConditionFailed):
        await unit.commit()


async def test_nothing_to_do_writes_nothing(app: App) -> None:
    """A decision that finds all as it should be is a Success."""
    await app.execute(DefineCourse(course_id="c1", capacity=2))
    before = await told(app)
    assert await app.execute(ChangeCapacity(course_id="c1", capacity=2)) == Success(None)
    assert await told(app) == before


class Hall:
    """A started store, with units and boundaries by hand, so that a test decides what happens in between."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.catalogue = Catalogue()
        for event in (CourseDefined, CapacityChanged, StudentSubscribed):
            self.catalogue.add(event)

    def unit(self) -> UnitOfWork:
        """A unit of work."""
        return UnitOfWork(self.store, self.catalogue, Context())

    def boundary(self, unit: UnitOfWork) -> Boundary:
        """A boundary of it."""
        return Boundary(unit, self.store, self.catalogue)

    async def append(self, *events: object, stream: str = "elsewhere") -> None:
        """Append events without any condition."""
        unit = self.unit()
        unit.append(stream, *events)
        await unit.commit()


@pytest.fixture
async def hall(app: App) -> Hall:
    """On the store of the application."""
    return Hall(app.store)


async def test_a_plain_append_in_between_refuses_what_was_decided(hall: Hall) -> None:
    """Whoever appends an event that a decision depends on, with or without a decision of its own, breaks it."""
    await hall.append(CourseDefined(course_id="c1", capacity=2))
    unit = hall.unit()
    boundary = hall.boundary(unit)
    await boundary.read(Seats("c1"), Timetable("s1"))
    boundary.record(StudentSubscribed(course_id="c1", student_id="s1"))
    await hall.append(StudentSubscribed(course_id="c9", student_id="s1"))
    with pytest.raises(ConditionFailed):
        await unit.commit()


async def test_what_it_does_not_depend_on_disturbs_nobody(hall: Hall) -> None:
    """Events with other tags, or of other types with the same tags."""
    await hall.append(CourseDefined(course_id="c1", capacity=2))
    unit = hall.unit()
    boundary = hall.boundary(unit)
    await boundary.read(Timetable("s1"), Seat("c1", "s1"))
    boundary.record(StudentSubscribed(course_id="c1", student_id="s1"))
    await hall.append(
        StudentSubscribed(course_id="c1", student_id="s2"),
        StudentSubscribed(course_id="c2", student_id="s2"),
        CapacityChanged(course_id="c1", capacity=1),
    )
    assert (await unit.commit()).position == 5


async def test_each_decision_is_told_what_is_its_own(hall: Hall) -> None:
    """In one read of several, an event goes to all whom it concerns and to nobody else."""
    await hall.append(CourseDefined(course_id="c1", capacity=2), CourseDefined(course_id="c2", capacity=7))
    await hall.append(*(StudentSubscribed(course_id=f"c{n}", student_id="s1") for n in (1, 2, 3)))
    await hall.append(StudentSubscribed(course_id="c1", student_id="s2"))
    one, other, timetable = Seats("c1"), Seats("c2"), Timetable("s1")
    seat, free = Seat("c1", "s2"), Seat("c2", "s2")
    await hall.boundary(hall.unit()).read(one, other, timetable, seat, free)
    assert [(seats.capacity, seats.taken) for seats in (one, other)] == [(2, 2), (7, 1)]
    assert (timetable.courses, seat.taken, free.taken) == (3, True, False)


async def test_more_than_a_page_is_one_read(hall: Hall) -> None:
    """No event is told twice or left out where pages meet."""
    await hall.append(*(StudentSubscribed(course_id="c1", student_id=f"s{n}") for n in range(2001)))
    seats = Seats("c1")
    await hall.boundary(hall.unit()).read(seats)
    assert seats.taken == 2001


async def test_what_a_part_decided_is_undone_with_it(hall: Hall) -> None:
    """Its condition too, so that what becomes of the part does not refuse the rest."""
    unit = hall.unit()
    boundary = hall.boundary(unit)
    await boundary.read(Timetable("s1"))
    await unit.begin_part()
    await boundary.read(Seats("c1"))
    boundary.record(StudentSubscribed(course_id="c1", student_id="s2"))
    await unit.undo_part()
    await hall.append(StudentSubscribed(course_id="c1", student_id="s3"))
    boundary.record(StudentSubscribed(course_id="c2", student_id="s1"), stream="course-c2")
    assert (await unit.commit()).versions == {"course-c2": 1}


async def test_whatever_a_unit_writes_depends_on_what_was_read_in_it(hall: Hall) -> None:
    """Not only what is recorded by the boundary."""
    unit = hall.unit()
    await hall.boundary(unit).read(Seats("c1"))
    unit.append("elsewhere", CourseDefined(course_id="c2", capacity=1))
    await hall.append(StudentSubscribed(course_id="c1", student_id="s3"))
    with pytest.raises(ConditionFailed):
        await unit.commit()


async def test_a_transaction_that_is_held_commits_under_the_condition_too(hall: Hall) -> None:
    """As that of a session, or of a command with a key."""
    for student in ("s1", "s2"):
        unit = hall.unit()
        boundary = hall.boundary(unit)
        await boundary.read(Timetable("s1"))
        await hall.append(StudentSubscribed(course_id="c1", student_id=student))
        assert await unit.claim(student.encode(), datetime.now(UTC), 1) is None
        boundary.record(StudentSubscribed(course_id="c2", student_id="s1"))
        if student == "s2":
            assert (await unit.commit()).position
            continue
        with pytest.raises(ConditionFailed):
            await unit.commit()
        await unit.rollback()


async def test_who_writes_nothing_is_not_refused(hall: Hall) -> None:
    """An answer was right when it was read, whatever has happened since."""
    unit = hall.unit()
    await hall.boundary(unit).read(Seats("c1"))
    await hall.append(StudentSubscribed(course_id="c1", student_id="s3"))
    assert (await unit.commit()).position == 0


class Roll(Aggregate):
    """A student as an aggregate, whose events carry the same tags."""

    id: str

    def evolve(self, event: Event) -> None:
        """Follow what happened."""
        if isinstance(event, StudentSubscribed):
            self.id = event.student_id


async def test_what_aggregates_record_is_seen_and_counts(hall: Hall) -> None:
    """Before it is committed, by decisions of its own unit; behind that, as any append."""
    early = hall.unit()
    late = hall.boundary(early)
    await late.read(Seats("c1"))
    unit, roll, seats = hall.unit(), Roll(), Seats("c1")
    roll.record(StudentSubscribed(course_id="c1", student_id="s1"))
    await Repository(Roll, unit, hall.store, hall.catalogue).save(roll)
    await hall.boundary(unit).read(seats)
    assert seats.taken == 1
    await unit.commit()
    late.record(StudentSubscribed(course_id="c1", student_id="s2"))
    with pytest.raises(ConditionFailed):
        await early.commit()


async def test_inline_projections_see_the_tags(hall: Hall) -> None:
    """As those behind the log do."""
    seen = list[tuple[str, ...]]()

    async def inline(facts: Sequence[Fact], unit: UnitOfWork) -> None:
        seen.extend(fact.recorded.tags for fact in facts)

    unit = UnitOfWork(hall.store, hall.catalogue, Context(), inline)
    unit.record(StudentSubscribed(course_id="c1", student_id="s1"))
    await unit.commit()
    assert seen == [("course:c1", "student:s1")]


async def test_a_decision_is_read_once() -> None:
    """It would count what happened twice."""
    store = MemoryStore()
    await store.start()
    hall = Hall(store)
    boundary, seats = hall.boundary(hall.unit()), Seats("c1")
    await boundary.read(seats)
    with pytest.raises(WiringError, match="read once"):
        await boundary.read(seats)
    twice = Seats("c2")
    with pytest.raises(WiringError, match="given twice"):
        await boundary.read(twice, twice)
    with pytest.raises(WiringError, match="given twice"):
        await History(hall.store, hall.catalogue).read(twice, twice, as_of=AsOf.position(1))
    same = Seats("c2"), Seats("c2")
    await boundary.read(*same)
    with pytest.raises(WiringError, match="has no course_id, so it would be made of the events of all"):
        await boundary.read(Seats(course_id=cast("str", None)))
    await store.stop()
