"""What can be asked about courses and students, answered from the read models as plain DTOs."""

from dataclasses import dataclass

from sqlalchemy import select

from examples.courses.domain import Key
from examples.courses.read_models import CourseRow, SeatRow
from twofold import Module, Query
from twofold.sql import ReadSession

queries = Module("courses.queries")


@dataclass(frozen=True, kw_only=True)
class CourseDetail:
    course_id: str
    title: str
    capacity: int
    taken: int
    students: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Subscription:
    course_id: str
    title: str


@dataclass(frozen=True, kw_only=True)
class StudentDetail:
    student_id: str
    courses: tuple[Subscription, ...]


@dataclass(frozen=True, kw_only=True)
class GetCourse(Query[CourseDetail | None]):
    """One course, and who sits in it."""

    course_id: Key


@queries.handler(path="/courses/{course_id}")
async def get_course(query: GetCourse, session: ReadSession) -> CourseDetail | None:
    course = await session.get(CourseRow, query.course_id)
    if course is None:
        return None
    seats = select(SeatRow.student_id).where(SeatRow.course_id == course.course_id).order_by(SeatRow.student_id)
    return CourseDetail(
        course_id=course.course_id,
        title=course.title,
        capacity=course.capacity,
        taken=course.taken,
        students=tuple(await session.scalars(seats)),
    )


@dataclass(frozen=True, kw_only=True)
class GetStudent(Query[StudentDetail]):
    """The courses of a student; whoever has none yet is a student too."""

    student_id: Key


@queries.handler(path="/students/{student_id}")
async def get_student(query: GetStudent, session: ReadSession) -> StudentDetail:
    statement = (
        select(CourseRow.course_id, CourseRow.title)
        .join(SeatRow, SeatRow.course_id == CourseRow.course_id)
        .where(SeatRow.student_id == query.student_id)
        .order_by(CourseRow.course_id)
    )
    courses = tuple(Subscription(course_id=key, title=title) for key, title in await session.execute(statement))
    return StudentDetail(student_id=query.student_id, courses=courses)
