"""What an error means when it knows nothing of twofold."""

import asyncio

import pytest

from twofold.errors import (
    Category,
    Classifier,
    NotFound,
    Refused,
    WiringError,
    conflict,
    exists,
    invalid,
    not_found,
    refused,
    unavailable,
)


class OutOfStock(Exception):
    """An exception of somebody's domain."""


class SoldOut(OutOfStock):
    """A special one."""


class Rejected:
    """An error value that is no exception."""


class Named(Refused):
    """A refusal of somebody's own."""


class Closer(Named):
    """A special one."""


def test_an_unknown_exception_is_a_bug() -> None:
    """Nothing but what is classified becomes a Failure."""
    classifier = Classifier()
    assert [classifier.of_exception(bug) for bug in (KeyError("x"), ValueError(), asyncio.CancelledError())] == [
        None
    ] * 3


def test_the_nearest_class_wins() -> None:
    """A special exception may mean something else than the one it derives from."""
    classifier = Classifier({OutOfStock: refused, SoldOut: not_found})
    assert classifier.of_exception(OutOfStock()) is refused
    assert classifier.of_exception(SoldOut()) is not_found


def test_a_class_speaks_for_those_derived_from_it() -> None:
    """Classifying the root of a domain's errors is enough."""
    assert Classifier({OutOfStock: conflict}).of_exception(SoldOut()) is conflict


def test_a_refusal_derived_from_a_classified_one_follows_it() -> None:
    """A category that is only inherited is farther away than the classified class."""
    classifier = Classifier({Named: exists})
    assert classifier.of_exception(Named()) is exists
    assert classifier.of_exception(Closer()) is exists


def test_an_error_of_twofold_keeps_its_own_category() -> None:
    """`Invalid` is a ValueError and `NotFound` a Refused, but both say themselves what they are."""
    classifier = Classifier({ValueError: unavailable, Refused: exists})
    assert classifier.of_exception(NotFound()) is not_found
    assert classifier.of_exception(WiringError("x")) is Category.WIRING


@pytest.mark.parametrize("error", [ConnectionError(), ConnectionResetError(), TimeoutError()])
def test_lost_connections_and_time_outs_are_passing_troubles(error: Exception) -> None:
    """Without a word from the user they are unavailable."""
    assert Classifier().of_exception(error) is unavailable


def test_the_users_word_wins_over_the_built_in() -> None:
    """Who says that a time-out is a refusal means it."""
    assert Classifier({TimeoutError: refused}).of_exception(TimeoutError()) is refused


def test_a_plain_value_is_a_business_refusal() -> None:
    """A string, or an exception that nobody classified, is a no and never retried."""
    classifier = Classifier()
    assert [classifier.of_value(value) for value in ("out of stock", None, Rejected(), OutOfStock())] == [refused] * 4


def test_values_are_classified_by_class_too() -> None:
    """An error need not be an exception to mean something."""
    classifier = Classifier({Rejected: invalid, OutOfStock: conflict})
    assert classifier.of_value(Rejected()) is invalid
    assert classifier.of_value(SoldOut()) is conflict


def test_two_classifiers_do_not_meet() -> None:
    """What one application says of an error is nothing to another."""
    Classifier({OutOfStock: conflict})
    assert Classifier().of_exception(OutOfStock()) is None
