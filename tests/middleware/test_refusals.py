"""Refusals are counted by the code of their error, which is one of few."""

import asyncio
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest

from tests.middleware.test_stages import Ask, Happened, Numbers, Register, dispatcher
from twofold.dispatch import Dispatcher
from twofold.errors import (
    Category,
    CircuitOpen,
    Classifier,
    NotFound,
    Refused,
    StoreUnavailable,
    TimedOut,
    class_code_of,
    code_of,
)
from twofold.messages import Kind
from twofold.middleware import metrics_stage
from twofold.result import Failure

pytestmark = pytest.mark.anyio


class CardRefused(Refused):
    """A rule of a user's own."""


class Reason(Enum):
    """Why not, as a user's own value."""

    SOLD_OUT = "nothing is left of hunter2"


@dataclass(frozen=True)
class TooMuch:
    """A user's own value, whose code is whatever somebody says."""

    code: str = "too_much"


@dataclass(frozen=True)
class Said:
    """The same, without any that holds for all of them."""

    code: str


class Counting(Numbers):
    """A meter that counts refusals, too."""

    def __init__(self) -> None:
        super().__init__()
        self.counted: list[tuple[str, str]] = []

    def refused(self, message: str, code: str) -> None:
        """Keep it."""
        self.counted.append((message, code))


def counted(meter: Numbers, ending: Any) -> Dispatcher:
    """One handler for each kind, which ends as it is told, with a meter around it."""
    return dispatcher(metrics_stage(meter, Classifier()), ending=ending)


ERRORS = [
    (CircuitOpen(name="bank", retry_after=1.0), "circuit_open"),
    (TimedOut(), "timed_out"),
    (StoreUnavailable("away"), "store_unavailable"),
    (NotFound("hunter2"), "not_found"),
    (CardRefused("hunter2"), "card_refused"),
    (ConnectionError("hunter2"), "unavailable"),
    ("hunter2", "refused"),
    (Reason.SOLD_OUT, "sold_out"),
    (TooMuch("hunter2"), "too_much"),
    (Said("hunter2"), "said"),
]


@pytest.mark.parametrize("error, code", ERRORS)
async def test_a_refusal_is_counted_by_its_code(error: Any, code: str) -> None:
    """What its class or its name says, of commands and queries; nothing that a single error says of itself."""
    numbers = Counting()
    buses = counted(numbers, Failure(error))
    await asyncio.gather(buses.dispatch(Register()), buses.dispatch(Ask()))
    assert numbers.counted == [("register", code), ("ask", code)]
    assert [outcome for _, _, outcome in numbers.kept] == [Classifier().of_value(error)] * 2


async def test_one_that_is_raised_is_counted_too() -> None:
    """It is a Failure by the time it is counted."""
    numbers = Counting()
    await counted(numbers, CardRefused("hunter2")).dispatch(Register())
    assert numbers.counted == [("register", "card_refused")]


@pytest.mark.parametrize("ending", [None, KeyError("a bug"), asyncio.CancelledError()])
async def test_nothing_else_is(ending: Any) -> None:
    """A success, a crash and whoever goes away are no refusals."""
    numbers = Counting()
    await asyncio.gather(counted(numbers, ending).dispatch(Register()), return_exceptions=True)
    assert (len(numbers.kept), numbers.counted) == (1, [])


async def test_nor_is_what_a_reaction_ends_with() -> None:
    """Nobody was refused: it is tried again, and its subscription has numbers of its own."""
    numbers = Counting()
    await asyncio.gather(counted(numbers, Failure("hunter2")).dispatch(Happened()), return_exceptions=True)
    assert numbers.kept == [(Kind.EVENT, "happened", "refused")]
    assert numbers.counted == []


@pytest.mark.parametrize("error, code", ERRORS[:-2])
def test_it_is_the_code_of_a_problem_document(error: Any, code: str) -> None:
    """Whatever an error does not say of itself alone."""
    category = Classifier().of_value(error)
    assert code_of(error, category) == class_code_of(error, category) == code


def test_a_code_that_one_error_says_is_in_problem_documents_only() -> None:
    """A text of its own may be anything, and there may be any number of them."""
    assert code_of(Said("card 7"), Category.REFUSED) == "card_7"
    assert class_code_of(Said("card 7"), Category.REFUSED) == "said"
