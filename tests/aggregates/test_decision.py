"""Decisions that do not say what they are made of are found at the start, or at their first reading."""

from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from tests.aggregates import campus
from tests.aggregates.campus import CourseDefined, StudentSubscribed
from tests.aggregates.visiting import CountSeats, visiting
from twofold import App, Decision, Event, Tag
from twofold.aggregates import Boundary
from twofold.errors import WiringError
from twofold.messages import Catalogue, Context
from twofold.store import MemoryStore, UnitOfWork

pytestmark = pytest.mark.anyio


class Mute(Decision):
    """Says nothing."""


class Untyped(Decision):
    """Says that there are events."""

    def evolve(self, event):  # type: ignore[no-untyped-def]  # the mistake
        """See an event."""


class Anything(Decision):
    """Wants the whole log."""

    def evolve(self, event: Event) -> None:
        """See an event."""


class Late(Decision):
    """Would have to be awaited."""

    async def evolve(self, event: CourseDefined) -> None:
        """See an event."""


class Sharing(Decision):
    """What one has seen, all have."""

    seen: list[object] = []  # noqa: RUF012  # the mistake

    def evolve(self, event: CourseDefined) -> None:
        self.seen.append(event)


@dataclass
class Loose(Decision):
    """Marks a field of a type that is not there."""

    course_id: "Annotated[Nowhere, Tag('course')]"  # type: ignore[name-defined]  # noqa: F821  # the mistake

    def evolve(self, event: CourseDefined) -> None:
        """See an event."""


@dataclass
class Mistyped(Decision):
    """Has another name for a tag than its events have."""

    course_id: Annotated[str, Tag("courses")]

    def evolve(self, event: CourseDefined | StudentSubscribed) -> None:
        """See an event."""


@dataclass
class Strange(Decision):
    """Has a tag that none of its events has."""

    course_id: Annotated[str, Tag("course")]
    room: Annotated[str, Tag("room")]

    def evolve(self, event: CourseDefined) -> None:
        """See an event."""


@dataclass(frozen=True, kw_only=True)
class StudentJoined(Event):
    """An event of a student, and of no course."""

    student_id: campus.Student


@dataclass
class Scattered(Decision):
    """Each of its events has one of its tags, and none has both."""

    course_id: campus.Course
    student_id: campus.Student

    def evolve(self, event: CourseDefined | StudentJoined) -> None:
        """See an event."""


@dataclass
class Partly(Decision):
    """One of its events carries all its tags."""

    course_id: campus.Course
    student_id: campus.Student

    def evolve(self, event: CourseDefined | StudentSubscribed) -> None:
        """See an event."""


@pytest.mark.parametrize(
    "kind, told, hint",
    [
        (
            Mistyped,
            "none of its events carries the tag courses (they carry: CourseDefined course; StudentSubscribed ",
            "did you mean course?",
        ),
        (
            Strange,
            "none of its events carries the tag room (they carry: CourseDefined course)",
            "mark a field of its events with the same Tag",
        ),
        (
            Scattered,
            "carries all of its tags, course, student (they carry: CourseDefined course; StudentJoined student)",
            "mark a field of its events with the same Tag",
        ),
    ],
)
def test_a_decision_has_a_tag_that_its_events_carry(
    kind: type[Decision], told: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would be told nothing, and what it is to keep unique would not be."""
    monkeypatch.setattr(campus, "Wrong", kind, raising=False)
    (fault,) = App("campus", modules=[campus.campus], database="memory:").check()
    assert fault.where.endswith(f".{kind.__qualname__}")
    assert fault.code == "no_such_tag"
    assert told in fault.text
    assert fault.hint == hint


def test_a_decision_of_several_tags_is_sound_when_an_event_carries_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its other events may carry some of them."""
    monkeypatch.setattr(campus, "Right", Partly, raising=False)
    assert App("campus", modules=[campus.campus], database="memory:").check() == []


@pytest.mark.parametrize(
    "kind, told",
    [
        (Mute, "is a decision without evolve"),
        (Untyped, "whose annotation names no classes"),
        (Anything, "every event of the log would be its own"),
        (Late, "has evolve as an async def, which nobody awaits"),
        (Sharing, "has the default seen = [], a list that all of them would share"),
        (Loose, "has an annotation that cannot be resolved"),
    ],
)
def test_a_decision_near_a_handler_has_to_say_what_it_is_made_of(
    kind: type[Decision], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the application does not start, and the fault names the class."""
    assert App("campus", modules=[campus.campus], database="memory:").check() == []
    monkeypatch.setattr(campus, "Wrong", kind, raising=False)
    (fault,) = App("campus", modules=[campus.campus], database="memory:").check()
    assert fault.where.endswith(f".{kind.__qualname__}")
    assert told in fault.text


async def test_events_of_a_decision_need_no_handler() -> None:
    """What a decision in sight is told is known to the application, wherever it is defined."""
    async with App("visiting", modules=[visiting], database="memory:") as app:
        assert (await app.execute(CountSeats(course_id="c"))).unwrap() == 0


async def test_an_event_that_is_not_known_is_named() -> None:
    """By whoever reads a decision that no start has seen."""
    store, catalogue = MemoryStore(), Catalogue()
    await store.start()
    catalogue.add(StudentSubscribed)
    boundary = Boundary(UnitOfWork(store, catalogue, Context()), store, catalogue)
    seats: Any = campus.Seats("c")
    with pytest.raises(WiringError, match="Seats depends on CourseDefined, CapacityChanged"):
        await boundary.read(seats)
    await store.stop()
