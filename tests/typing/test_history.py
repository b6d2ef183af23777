"""What was has the types of what is."""

from dataclasses import dataclass
from typing import assert_type

import pytest

from twofold import Aggregate, App, AsOf, Command, Event, History, Module, NotFound, Outcome, Result


class Shelf(Aggregate):
    """An aggregate."""

    def evolve(self, event: Event) -> None:
        """Nothing changes it."""


@dataclass(frozen=True, kw_only=True)
class Count(Command[None]):
    """A command."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Counted(Event):
    """An event."""


def decide(command: Count, count: int) -> Outcome[Counted]:
    """Always."""
    return [Counted()]


def evolve(count: int, event: Counted) -> int:
    """One more."""
    return count + 1


@pytest.mark.anyio
async def test_the_past_has_the_types_of_the_present() -> None:
    """Of aggregates by their class, of states by their decider."""
    module = Module("m")
    counter = module.decider(initial=int, decide=decide, evolve=evolve, stream="count-{name}")
    async with App("m", modules=[module], database="memory:") as app:
        history = await app.get(History)
        assert_type(await history.find(Shelf, 1, as_of=AsOf.version(1)), Shelf | None)
        assert_type(await history.get(Shelf, 1), Result[Shelf, NotFound])
        assert_type(await history.state(counter, "count-a", as_of=AsOf.position(1)), Result[int, NotFound])
        assert_type(AsOf.position(1), AsOf)
