"""Decisions on courses against a model: alone or side by side, they come to what some order of them allows."""

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from pydantic_core import from_json

from examples.courses import app as courses_app
from examples.courses.commands import ChangeCapacity, DefineCourse, Subscribe, Unsubscribe, commands
from examples.courses.domain import MOST_COURSES, CourseFull, SeatsTaken, TooManyCourses
from examples.courses.queries import GetCourse
from tests.drivers.postgres.schema import drop_schema
from tools.shared_postgres import shared_server
from twofold import App, Exists, Module, NotFound
from twofold.store import Recorded

Asked: TypeAlias = DefineCourse | ChangeCapacity | Subscribe | Unsubscribe

COURSES = [f"c{number}" for number in range(MOST_COURSES + 2)]
STUDENTS = ["ada", "bob", "eve"]
COURSE, STUDENT, CAPACITY = st.sampled_from(COURSES), st.sampled_from(STUDENTS), st.integers(1, 3)
COMMAND = st.one_of(
    st.builds(DefineCourse, course_id=COURSE, title=st.just("A course"), capacity=CAPACITY),
    st.builds(ChangeCapacity, course_id=COURSE, capacity=CAPACITY),
    st.builds(Subscribe, course_id=COURSE, student_id=STUDENT),
    st.builds(Subscribe, course_id=st.sampled_from(COURSES[:2]), student_id=STUDENT),
    st.builds(Unsubscribe, course_id=COURSE, student_id=STUDENT),
)


@dataclass
class Model:
    """Courses and who sits in them."""

    capacity: dict[str, int] = field(default_factory=dict[str, int])
    seats: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def refusal(self, asked: Asked) -> type[Exception] | None:
        """The class of the error that a command has to be refused with; None when it has to be accepted."""
        known, taken = asked.course_id in self.capacity, self.taken(asked.course_id)
        match asked:
            case DefineCourse():
                return Exists if known else None
            case ChangeCapacity():
                return NotFound if not known else SeatsTaken if asked.capacity < taken else None
            case Unsubscribe():
                return None if (asked.course_id, asked.student_id) in self.seats else NotFound
            case Subscribe():
                rules = (
                    (not known, NotFound),
                    ((asked.course_id, asked.student_id) in self.seats, Exists),
                    (known and taken >= self.capacity[asked.course_id], CourseFull),
                    (sum(student == asked.student_id for _, student in self.seats) >= MOST_COURSES, TooManyCourses),
                )
                return next((error for broken, error in rules if broken), None)

    def writes(self, asked: Asked) -> bool:
        """Whether an accepted command is an event."""
        return not isinstance(asked, ChangeCapacity) or self.capacity[asked.course_id] != asked.capacity

    def accept(self, asked: Asked) -> None:
        """Do what a command says."""
        match asked:
            case DefineCourse() | ChangeCapacity():
                self.capacity[asked.course_id] = asked.capacity
            case Subscribe():
                self.seats.add((asked.course_id, asked.student_id))
            case Unsubscribe():
                self.seats.remove((asked.course_id, asked.student_id))

    def taken(self, course_id: str) -> int:
        return sum(course == course_id for course, _ in self.seats)


class DecisionsMachine(RuleBasedStateMachine):
    """Sends commands, and does to the model what the log says was done."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(prefix="twofold-"))
        self.app = App("courses", modules=self.modules(), database=self.database())
        self.model = Model()
        self.head = 0

    def database(self) -> str:
        return "memory:"

    def modules(self) -> Sequence[Module]:
        return [commands]

    @initialize()
    def open(self) -> None:
        self.runner.run(self.app.start())

    def teardown(self) -> None:
        self.runner.run(self.app.stop())
        self.runner.close()
        shutil.rmtree(self.folder)

    @rule(asked=COMMAND)
    def alone(self, asked: Asked) -> None:
        """One command is accepted or refused as the model says."""
        expected = self.model.refusal(asked)
        result = self.runner.run(self.app.execute(asked))
        assert type(result.error) is (expected or type(None)), (asked, result)
        writes = expected is None and self.model.writes(asked)
        if expected is None:
            self.model.accept(asked)
        assert len(self.news()) == writes

    @rule(all_asked=st.lists(COMMAND, min_size=2, max_size=8))
    def together(self, all_asked: Sequence[Asked]) -> None:
        """Of several at once each event was allowed when it came, and each answer was right at some moment."""

        async def send() -> list[object]:
            return [one.error for one in await asyncio.gather(*map(self.app.execute, all_asked))]

        errors = self.runner.run(send())
        right = [{self.model.refusal(asked)} for asked in all_asked]
        for event in self.news():
            asked = command_of(event)
            assert asked in all_asked, asked
            assert self.model.refusal(asked) is None, asked
            self.model.accept(asked)
            for answers, other in zip(right, all_asked, strict=True):
                answers.add(self.model.refusal(other))
        for asked, error, answers in zip(all_asked, errors, right, strict=True):
            assert (None if error is None else type(error)) in answers, (asked, error, answers)

    @invariant()
    def the_rules_hold(self) -> None:
        """No course has more students than seats, and no student too many courses."""
        assert all(self.model.taken(course) <= capacity for course, capacity in self.model.capacity.items())
        assert all(sum(who == student for _, who in self.model.seats) <= MOST_COURSES for student in STUDENTS)

    def news(self) -> Sequence[Recorded]:
        """What the log has got since somebody asked."""

        async def read() -> Sequence[Recorded]:
            return await self.app.store.log.read(self.head, until=await self.app.store.log.head(), limit=100)

        events = self.runner.run(read())
        self.head = events[-1].position if events else self.head
        return events


def command_of(event: Recorded) -> Asked:
    """The command that an event comes of."""
    kinds: dict[str, type[Asked]] = {
        "course_defined": DefineCourse,
        "capacity_changed": ChangeCapacity,
        "student_subscribed": Subscribe,
        "student_unsubscribed": Unsubscribe,
    }
    return kinds[event.type](**from_json(event.data))


class SqliteMachine(DecisionsMachine):
    """With the read model too, which is SQL."""

    def database(self) -> str:
        return str(self.folder / "courses.db")

    def modules(self) -> Sequence[Module]:
        return courses_app.modules

    @rule(course=COURSE)
    def look(self, course: str) -> None:
        """The read model shows what the model knows."""
        self.runner.run(self.app.settle())
        shown = self.runner.run(self.app.execute(GetCourse(course_id=course))).unwrap()
        seats = tuple(sorted(student for where, student in self.model.seats if where == course))
        expected = (self.model.capacity[course], len(seats), seats) if course in self.model.capacity else None
        assert (shown and (shown.capacity, shown.taken, shown.students)) == expected


class PostgresMachine(DecisionsMachine):
    """Where several really write at a time; each example has a schema of its own."""

    def database(self) -> str:
        self.schema = f"courses_{secrets.token_hex(8)}"
        server = shared_server()
        return f"{server}{'&' if '?' in server else '?'}schema={self.schema}"

    def teardown(self) -> None:
        self.runner.run(drop_schema(self.schema))
        super().teardown()


TestMemoryAgainstModel = DecisionsMachine.TestCase
TestMemoryAgainstModel.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
TestSqliteAgainstModel = SqliteMachine.TestCase
TestSqliteAgainstModel.settings = settings(
    max_examples=10, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestPostgresAgainstModel = PostgresMachine.TestCase
TestPostgresAgainstModel.settings = settings(
    max_examples=6, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
