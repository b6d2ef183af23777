"""The read side's tables, and the projection that fills them; it follows the log, and costs the commands nothing."""

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from examples.courses.domain import CapacityChanged, CourseDefined, StudentSubscribed, StudentUnsubscribed
from twofold import Module, Rows

read_models = Module("courses.read_models")


class Tables(DeclarativeBase):
    """The tables of the read models."""


class CourseRow(Tables):
    """A course, and how many sit in it."""

    __tablename__ = "course"

    course_id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    capacity: Mapped[int]
    taken: Mapped[int] = mapped_column(default=0)


class SeatRow(Tables):
    """Who sits in which course."""

    __tablename__ = "seat"

    course_id: Mapped[str] = mapped_column(primary_key=True)
    student_id: Mapped[str] = mapped_column(primary_key=True, index=True)


@read_models.projection("courses", tables=[CourseRow, SeatRow])
class Courses:
    """What each event does to the rows of its course."""

    def defined(self, event: CourseDefined, rows: Rows) -> None:
        key = {"course_id": event.course_id}
        rows.upsert(CourseRow, key, title=event.title, capacity=event.capacity, taken=0)

    def changed(self, event: CapacityChanged, rows: Rows) -> None:
        rows.upsert(CourseRow, {"course_id": event.course_id}, capacity=event.capacity)

    def subscribed(self, event: StudentSubscribed, rows: Rows) -> None:
        rows.add(CourseRow, {"course_id": event.course_id}, taken=1)
        rows.upsert(SeatRow, {"course_id": event.course_id, "student_id": event.student_id})

    def unsubscribed(self, event: StudentUnsubscribed, rows: Rows) -> None:
        rows.add(CourseRow, {"course_id": event.course_id}, taken=-1)
        rows.delete(SeatRow, {"course_id": event.course_id, "student_id": event.student_id})
