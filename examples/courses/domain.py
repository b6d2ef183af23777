"""What can happen to courses and students, and what decisions are made of: no stream belongs to either.

An event says by its tags what it concerns; a decision that marks the same tags is made of it. Neither knows a database.
"""

from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

from pydantic import Field, StringConstraints

from twofold import Decision, Event, Refused, Tag

Key: TypeAlias = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9-]{1,40}$"), Field(examples=["chess-1"])
]
Title: TypeAlias = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), Field(examples=["Chess"])
]
Capacity: TypeAlias = Annotated[int, Field(ge=1, le=1000, examples=[20])]
CourseId: TypeAlias = Annotated[str, Tag("course")]
StudentId: TypeAlias = Annotated[str, Tag("student")]

MOST_COURSES: Final = 5
"""How many courses a student may have at once."""


@dataclass(frozen=True, kw_only=True)
class CourseDefined(Event):
    """There is a course, with so many seats."""

    course_id: CourseId
    title: str
    capacity: int


@dataclass(frozen=True, kw_only=True)
class CapacityChanged(Event):
    """A course has another number of seats."""

    course_id: CourseId
    capacity: int


@dataclass(frozen=True, kw_only=True)
class StudentSubscribed(Event):
    """A student has taken a seat of a course."""

    course_id: CourseId
    student_id: StudentId


@dataclass(frozen=True, kw_only=True)
class StudentUnsubscribed(Event):
    """A student has given a seat of a course back."""

    course_id: CourseId
    student_id: StudentId


class CourseFull(Refused):
    """All of its seats are taken."""


class TooManyCourses(Refused):
    """The student has as many courses as one may have."""


class SeatsTaken(Refused):
    """More students sit in the course than the new capacity would allow."""


@dataclass
class Course(Decision):
    """How many seats a course has, and how many are taken."""

    course_id: CourseId
    capacity: int | None = None
    """None while there is no such course."""
    taken: int = 0

    def evolve(self, event: CourseDefined | CapacityChanged | StudentSubscribed | StudentUnsubscribed) -> None:
        match event:
            case CourseDefined() | CapacityChanged():
                self.capacity = event.capacity
            case StudentSubscribed():
                self.taken += 1
            case StudentUnsubscribed():
                self.taken -= 1


@dataclass
class Student(Decision):
    """How many courses a student has."""

    student_id: StudentId
    courses: int = 0

    def evolve(self, event: StudentSubscribed | StudentUnsubscribed) -> None:
        self.courses += 1 if isinstance(event, StudentSubscribed) else -1


@dataclass
class Seat(Decision):
    """Whether a student sits in a course: made of events that carry both tags."""

    course_id: CourseId
    student_id: StudentId
    taken: bool = False

    def evolve(self, event: StudentSubscribed | StudentUnsubscribed) -> None:
        self.taken = isinstance(event, StudentSubscribed)
