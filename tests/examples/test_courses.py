"""The courses example: its rules without a server, over HTTP, and rushed upon by two processes."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest

from examples._demo.database import Database
from examples.courses import app
from examples.courses.commands import ChangeCapacity, DefineCourse, Subscribe, Unsubscribe
from examples.courses.domain import (
    MOST_COURSES,
    CapacityChanged,
    CourseDefined,
    CourseFull,
    SeatsTaken,
    StudentSubscribed,
    StudentUnsubscribed,
    TooManyCourses,
)
from examples.courses.queries import CourseDetail, GetCourse, GetStudent, StudentDetail, Subscription
from examples.courses.read_models import CourseRow, SeatRow
from tests.cli.forked import Talking
from twofold import App, Exists, NotFound, Success
from twofold.testing import Fault, given

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
SEA = CourseDefined(course_id="sea", title="The sea", capacity=2)

RUSH = """
import asyncio, json, sys
from collections import Counter
from examples.courses import app
from examples.courses.commands import Subscribe

async def main(address, names):
    app.use_database(address)
    async with app:
        print("ready", flush=True)
        sys.stdin.readline()
        told = await asyncio.gather(*(app.execute(Subscribe(course_id="sea", student_id=name)) for name in names))
        print(json.dumps(Counter(type(one.error).__name__ for one in told)), flush=True)

asyncio.run(main(sys.argv[1], sys.argv[2:]))
"""


def subscribed(course: str, student: str) -> StudentSubscribed:
    return StudentSubscribed(course_id=course, student_id=student)


@pytest.fixture
async def courses(each_database: Database) -> AsyncIterator[App]:
    async with App("courses", modules=app.modules, database=each_database.address) as own:
        yield own


# --- the rules ---


async def test_a_course_is_defined_once() -> None:
    """Its id is taken from then on."""
    define = DefineCourse(course_id="sea", title="The sea", capacity=2)
    await given(app).when(define).then(SEA)
    await given(app, SEA).when(define).then(Exists)


async def test_a_seat_is_given_under_all_rules_at_once() -> None:
    """The course is there and not full, the student does not sit in it, and has not too many courses."""
    subscribe = Subscribe(course_id="sea", student_id="ada")
    await (
        given(app, SEA)
        .when(subscribe)
        .then(subscribed("sea", "ada"), CourseRow(course_id="sea", taken=1), SeatRow(course_id="sea", student_id="ada"))
    )
    await given(app).when(subscribe).then(NotFound)
    await given(app, SEA, subscribed("sea", "ada")).when(subscribe).then(Exists)
    await given(app, SEA, subscribed("sea", "bob"), subscribed("sea", "eve")).when(subscribe).then(CourseFull)
    others = [CourseDefined(course_id=f"c{number}", title="More", capacity=9) for number in range(MOST_COURSES)]
    many = [subscribed(other.course_id, "ada") for other in others]
    await given(app, SEA, *others, *many).when(subscribe).then(TooManyCourses)


async def test_a_seat_is_given_once_whatever_happens(fault: Fault) -> None:
    """What was committed counts, whether or not the read model has followed it."""
    await (
        given(app, SEA, subscribed("sea", "bob"), fault=fault)
        .when(Subscribe(course_id="sea", student_id="ada"))
        .then(subscribed("sea", "ada"), CourseRow(course_id="sea", taken=2))
    )


async def test_a_seat_that_is_let_go_is_free() -> None:
    """For the course and for the student; nobody lets go what one does not have."""
    leave = Unsubscribe(course_id="sea", student_id="ada")
    left = StudentUnsubscribed(course_id="sea", student_id="ada")
    await given(app, SEA, subscribed("sea", "ada")).when(leave).then(left)
    await given(app, SEA).when(leave).then(NotFound)
    await given(app, SEA, subscribed("sea", "ada"), left).when(leave).then(NotFound)
    back = Subscribe(course_id="sea", student_id="ada")
    full = [subscribed("sea", "ada"), subscribed("sea", "bob"), left]
    await given(app, SEA, *full).when(back).then(subscribed("sea", "ada"))


async def test_capacity_follows_those_that_sit() -> None:
    """It grows, it shrinks to the seats that are taken, and what stays the same is no event."""
    seats = [SEA, subscribed("sea", "ada"), subscribed("sea", "bob")]
    await (
        given(app, *seats)
        .when(ChangeCapacity(course_id="sea", capacity=3))
        .then(CapacityChanged(course_id="sea", capacity=3))
    )
    await given(app, *seats).when(ChangeCapacity(course_id="sea", capacity=1)).then(SeatsTaken)
    await given(app, *seats).when(ChangeCapacity(course_id="sea", capacity=2)).then()
    await given(app).when(ChangeCapacity(course_id="sea", capacity=2)).then(NotFound)


# --- what is read ---


async def test_a_course_and_a_student_show_each_other(courses: App) -> None:
    """A query of the one who sent the commands sees what they have done."""
    caller = courses.caller()
    for name, title in (("sea", "The sea"), ("art", "Art")):
        await caller.execute(DefineCourse(course_id=name, title=title, capacity=3))
        await caller.execute(Subscribe(course_id=name, student_id="ada"))
    await caller.execute(Subscribe(course_id="sea", student_id="bob"))
    await caller.execute(Unsubscribe(course_id="art", student_id="ada"))
    sea = CourseDetail(course_id="sea", title="The sea", capacity=3, taken=2, students=("ada", "bob"))
    assert await caller.execute(GetCourse(course_id="sea")) == Success(sea)
    ada = StudentDetail(student_id="ada", courses=(Subscription(course_id="sea", title="The sea"),))
    assert await caller.execute(GetStudent(student_id="ada")) == Success(ada)
    assert (await caller.execute(GetStudent(student_id="eve"))).unwrap().courses == ()
    assert (await caller.execute(GetCourse(course_id="law"))).value is None


async def test_wrong_input_is_told_field_by_field(courses: App) -> None:
    """And what is not there is a 404."""
    transport = httpx.ASGITransport(courses.http())
    async with httpx.AsyncClient(transport=transport, base_url="http://courses") as client:
        unnamed = await client.post("/courses", json={"course_id": "a b", "title": "A", "capacity": 0})
        missing = await client.get("/courses/nowhere")
    assert (unnamed.status_code, missing.status_code) == (400, 404)
    assert {error["field"] for error in problem(unnamed)} == {"course_id", "capacity"}


def problem(answer: httpx.Response) -> Sequence[dict[str, str]]:
    found: Sequence[dict[str, str]] = answer.json()["errors"]
    return found


# --- two processes ---


async def test_of_a_hundred_from_two_processes_ten_get_the_ten_seats(each_database: Database, courses: App) -> None:
    """However they come together, ten are told so, ten are in the log, and ten are shown."""
    caller = courses.caller()
    await caller.execute(DefineCourse(course_id="sea", title="The sea", capacity=10))
    with rushing(each_database.address, "ada") as one, rushing(each_database.address, "bob") as other:
        both = (one, other)
        assert [await said(process) for process in both] == ["ready\n"] * 2
        for process in both:
            process.say("go")
        told = Counter[str]()
        for process in both:
            told.update(json.loads(await said(process)))
        assert [await asyncio.to_thread(process.wait, 60) for process in both] == [0, 0]
    assert (told["NoneType"], told.total()) == (10, 100)
    assert told.keys() <= {"NoneType", "CourseFull", "ConditionFailed"}
    assert await courses.store.log.head() == 11
    await courses.settle()
    sea = (await courses.execute(GetCourse(course_id="sea"))).unwrap()
    assert sea is not None
    assert (sea.taken, len(sea.students)) == (10, 10)


def rushing(address: str, half: str) -> Talking:
    """A process that subscribes the fifty of a half at once, when it is told to."""
    return Talking("-c", RUSH, address, *(f"{half}-{n}" for n in range(50)), where=ROOT)


async def said(process: Talking) -> str:
    """The next line of a process."""
    return await asyncio.to_thread(process.stdout.readline)
