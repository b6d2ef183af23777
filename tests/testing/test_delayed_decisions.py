"""Under a fault a command decides on the whole log: only those who follow it are late."""

from dataclasses import dataclass
from typing import Annotated

import pytest

from twofold import (
    Boundary,
    Command,
    Decision,
    Event,
    Failure,
    Module,
    Refused,
    Result,
    Success,
    Tag,
)
from twofold.testing import Fault, given

pytestmark = pytest.mark.anyio

Place = Annotated[str, Tag("place")]


@dataclass(frozen=True, kw_only=True)
class Opened(Event):
    place: Place
    seats: int


@dataclass(frozen=True, kw_only=True)
class Taken(Event):
    place: Place


@dataclass(frozen=True, kw_only=True)
class Take(Command[int]):
    place: str


@dataclass
class Free(Decision):
    place: Place
    seats: int = 0

    def evolve(self, event: Opened | Taken) -> None:
        self.seats += event.seats if isinstance(event, Opened) else -1


class Full(Refused):
    """Nobody gets in any more."""


OPENED, TAKEN, TAKE = Opened(place="bar", seats=2), Taken(place="bar"), Take(place="bar")

places = Module("places")
places.events(Opened, Taken)


@places.handler
async def take(command: Take, boundary: Boundary) -> Result[int, Full]:
    free = Free(command.place)
    await boundary.read(free)
    if not free.seats:
        return Failure(Full())
    boundary.record(Taken(place=command.place))
    return Success(free.seats - 1)


async def test_a_decision_sees_what_is_given(fault: Fault) -> None:
    """Events and commands, under a delay as under any other fault; and a refusal is one for the right reason."""
    assert await given(places, OPENED, TAKE, fault=fault).when(TAKE).then(TAKEN) == Success(0)
    await given(places, OPENED, TAKE, TAKE, fault=fault).when(TAKE).then(Full)
