"""Exit codes: one for every category, for twofold's command line and for those of its users."""

import pytest

from twofold import Failure, Forbidden, Invalid, NotFound, Refused, Result, Success
from twofold.cli import exit_code, exit_of
from twofold.errors import (
    Category,
    Classifier,
    Corrupt,
    Exists,
    StoreUnavailable,
    TooLarge,
    TwofoldError,
    Unauthenticated,
    VersionConflict,
    WiringError,
)

CODES: list[tuple[TwofoldError, int]] = [
    (WiringError("no handler"), 2),
    (Invalid("too short"), 3),
    (Refused("not today"), 3),
    (TooLarge(limit=10), 3),
    (NotFound("no order 7"), 4),
    (Exists("taken"), 5),
    (VersionConflict(stream="order-7", expected=1), 5),
    (Forbidden("not yours"), 6),
    (Unauthenticated("who?"), 6),
    (Corrupt("not JSON"), 70),
    (StoreUnavailable("closed"), 75),
]


@pytest.mark.parametrize("error, code", CODES, ids=lambda value: getattr(value, "code", value))
def test_every_error_has_its_exit_code(error: TwofoldError, code: int) -> None:
    """An error has the same exit code raised and in a Failure."""
    assert exit_code(error) == code
    assert exit_of(Failure(error)) == code


@pytest.mark.parametrize("category", Category)
def test_no_category_is_forgotten(category: Category) -> None:
    """Every category has an exit code, and none of them says success."""

    class Odd(Exception):
        pass

    assert exit_code(Odd(), Classifier({Odd: category})) in {2, 3, 4, 5, 6, 70, 75}


def test_a_success_is_zero() -> None:
    """A Success exits with 0, whatever it holds."""
    assert exit_of(Success(None)) == 0


def test_what_knows_nothing_of_twofold_is_told_by_the_classifier() -> None:
    """A plain value is a business refusal; an application's own errors mean what it says they mean."""

    class Taken(Exception):
        pass

    answer: Result[int, object] = Failure("out of stock")
    assert exit_of(answer) == 3
    assert exit_of(Failure(Taken()), Classifier({Taken: Category.EXISTS})) == 5
    assert exit_code(TimeoutError()) == 75


def test_a_bug_is_70() -> None:
    """An exception that nothing classifies is a bug."""
    assert exit_code(KeyError("order")) == 70
