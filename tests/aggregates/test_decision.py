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
