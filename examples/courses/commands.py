"""The write side: a handler reads what it depends on and decides; what it records holds only if nothing has changed."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from examples.courses.domain import (
    MOST_COURSES,
    Capacity,
    CapacityChanged,
    Course,
    CourseDefined,
    CourseFull,
    Key,
    Seat,
    SeatsTaken,
    Student,
    StudentSubscribed,
    StudentUnsubscribed,
    Title,
    TooManyCourses,
)
from twofold import Boundary, Command, Exists, Failure, Module, NotFound, Result, Success

commands = Module("courses.commands")


@dataclass(frozen=True, kw_only=True)
class DefineCourse(Command[None]):
    """Offer a course; its id is taken once."""

    course_id: Key
    title: Title
    capacity: Capacity


@commands.handler(path="/courses", status=201)
async def define_course(command: DefineCourse, boundary: Boundary) -> Result[None]:
    course = Course(command.course_id)
    await boundary.read(course)
    if course.capacity is not None:
        return Failure(Exists(f"there is a course {command.course_id}"))
    boundary.record(CourseDefined(course_id=command.course_id, title=command.title, capacity=command.capacity))
    return Success()


@dataclass(frozen=True, kw_only=True)
class ChangeCapacity(Command[None]):
    """Give a course more seats, or take away what nobody sits on."""

    course_id: Key
    capacity: Capacity


@commands.handler(path="/courses/{course_id}/capacity")
async def change_capacity(command: ChangeCapacity, boundary: Boundary) -> Result[None]:
    course = Course(command.course_id)
    await boundary.read(course)
    if course.capacity is None:
        return Failure(NotFound(f"there is no course {command.course_id}"))
    if command.capacity < course.taken:
        return Failure(SeatsTaken(f"{course.taken} students sit in it"))
    if command.capacity != course.capacity:
        boundary.record(CapacityChanged(course_id=command.course_id, capacity=command.capacity))
    return Success()


@dataclass(frozen=True, kw_only=True)
class Subscribe(Command[None]):
    """Give a student a seat in a course."""

    course_id: Key
    student_id: Annotated[Key, Field(examples=["ada"])]


@commands.handler(path="/courses/{course_id}/subscribe")
async def subscribe(command: Subscribe, boundary: Boundary) -> Result[None]:
    course, student = Course(command.course_id), Student(command.student_id)
    seat = Seat(command.course_id, command.student_id)
    await boundary.read(course, student, seat)
    if course.capacity is None:
        return Failure(NotFound(f"there is no course {command.course_id}"))
    if seat.taken:
        return Failure(Exists(f"{command.student_id} sits in it"))
    if course.taken >= course.capacity:
        return Failure(CourseFull(f"all of its {course.capacity} seats are taken"))
    if student.courses >= MOST_COURSES:
        return Failure(TooManyCourses(f"{MOST_COURSES} courses are the most"))
    boundary.record(StudentSubscribed(course_id=command.course_id, student_id=command.student_id))
    return Success()


@dataclass(frozen=True, kw_only=True)
class Unsubscribe(Command[None]):
    """Let a seat go; somebody else may have it."""

    course_id: Key
    student_id: Annotated[Key, Field(examples=["ada"])]


@commands.handler(path="/courses/{course_id}/unsubscribe")
async def unsubscribe(command: Unsubscribe, boundary: Boundary) -> Result[None]:
    seat = Seat(command.course_id, command.student_id)
    await boundary.read(seat)
    if not seat.taken:
        return Failure(NotFound(f"{command.student_id} does not sit in it"))
    boundary.record(StudentUnsubscribed(course_id=command.course_id, student_id=command.student_id))
    return Success()
