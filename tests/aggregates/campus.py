"""Subscriptions to courses: the first example of https://dcb.events, in which a rule spans a course and a student."""

from dataclasses import dataclass
from typing import Annotated

from twofold import (
    App,
    Boundary,
    Command,
    CommandBus,
    Decision,
    Event,
    Exists,
    Failure,
    Module,
    NotFound,
    Refused,
    Result,
    Success,
    Tag,
)
from twofold.store import Store

Course = Annotated[str, Tag("course")]
Student = Annotated[str, Tag("student")]

MOST_COURSES = 5


@dataclass(frozen=True, kw_only=True)
class CourseDefined(Event):
    course_id: Course
    capacity: int


@dataclass(frozen=True, kw_only=True)
class CapacityChanged(Event):
    course_id: Course
    capacity: int


@dataclass(frozen=True, kw_only=True)
class StudentSubscribed(Event):
    course_id: Course
    student_id: Student


@dataclass(frozen=True, kw_only=True)
class DefineCourse(Command[None]):
    course_id: str
    capacity: int


@dataclass(frozen=True, kw_only=True)
class ChangeCapacity(Command[None]):
    course_id: str
    capacity: int


@dataclass(frozen=True, kw_only=True)
class Subscribe(Command[None]):
    course_id: str
    student_id: str


@dataclass(frozen=True, kw_only=True)
class SubscribeAll(Command[int]):
    """Answers how many of them there was room for."""

    course_id: str
    student_ids: tuple[str, ...]


@dataclass
class Seats(Decision):
    """A course, and who sits in it."""

    course_id: Course
    capacity: int | None = None
    taken: int = 0

    def evolve(self, event: CourseDefined | CapacityChanged | StudentSubscribed) -> None:
        match event:
            case CourseDefined() | CapacityChanged():
                self.capacity = event.capacity
            case StudentSubscribed():
                self.taken += 1


@dataclass
class Timetable(Decision):
    """How many courses a student has."""

    student_id: Student
    courses: int = 0

    def evolve(self, event: StudentSubscribed) -> None:
        self.courses += 1


@dataclass
class Seat(Decision):
    """Whether a student sits in a course."""

    course_id: Course
    student_id: Student
    taken: bool = False

    def evolve(self, event: StudentSubscribed) -> None:
        self.taken = True


class CourseFull(Refused): ...


class TooManyCourses(Refused): ...


campus = Module("campus")


@campus.handler
async def define(command: DefineCourse, boundary: Boundary) -> Result[None]:
    seats = Seats(command.course_id)
    await boundary.read(seats)
    if seats.capacity is not None:
        return Failure(Exists("there is such a course"))
    boundary.record(CourseDefined(course_id=command.course_id, capacity=command.capacity))
    return Success()


@campus.handler
async def change_capacity(command: ChangeCapacity, boundary: Boundary) -> Result[None]:
    seats = Seats(command.course_id)
    await boundary.read(seats)
    if seats.capacity is None:
        return Failure(NotFound("there is no such course"))
    if seats.capacity != command.capacity:
        boundary.record(CapacityChanged(course_id=command.course_id, capacity=command.capacity))
    return Success()


@campus.handler
async def subscribe(command: Subscribe, boundary: Boundary) -> Result[None]:
    course_id, student_id = command.course_id, command.student_id
    seats, timetable, seat = Seats(course_id), Timetable(student_id), Seat(course_id, student_id)
    await boundary.read(seats, timetable, seat)
    if seats.capacity is None:
        return Failure(NotFound("there is no such course"))
    if seat.taken:
        return Failure(Exists("the student sits in it"))
    if seats.taken >= seats.capacity:
        return Failure(CourseFull("it is full"))
    if timetable.courses >= MOST_COURSES:
        return Failure(TooManyCourses(f"a student has {MOST_COURSES} courses at most"))
    boundary.record(StudentSubscribed(course_id=course_id, student_id=student_id))
    return Success()


@campus.handler
async def subscribe_all(command: SubscribeAll, bus: CommandBus) -> int:
    room = 0
    for student_id in command.student_ids:
        room += (await bus.execute(Subscribe(course_id=command.course_id, student_id=student_id))).is_success
    return room


def campus_on(store: Store | str) -> App:
    """The application, on a store."""
    return App("campus", modules=[campus], database=store)
