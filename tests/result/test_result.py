"""A Result in the hands of a user: made, matched, unwrapped, copied."""

import copy
import pickle  # noqa: TID251  # that it survives a process pool is what is tested
from collections.abc import Callable
from typing import Any

import pytest

from twofold.errors import NotFound
from twofold.result import Err, Failure, Ok, Result, Success


def through_pickle(result: Result[Any, Any]) -> Result[Any, Any]:
    """To another process and back."""
    found = pickle.loads(pickle.dumps(result))
    assert isinstance(found, Success | Failure)
    return found


def test_a_success_has_a_value_and_no_error() -> None:
    """Positional, by keyword, subscripted, or empty."""
    assert (Success(1).value, Success(value=1).value, Success[int](1).value, Success().value) == (1, 1, 1, None)
    assert Success(1).error is None
    assert Success(1).is_success
    assert not Success(1).is_failure


def test_a_failure_has_an_error_and_no_value() -> None:
    """Asking for its value is a mistake that shows itself."""
    failure = Failure[str](error="no")
    assert failure.error == "no"
    assert failure.is_failure
    assert not failure.is_success
    with pytest.raises(ValueError, match="no"):
        _ = failure.value


def test_unwrapping_raises_the_very_error() -> None:
    """Those who prefer exceptions get the one that was meant, with its facts."""
    error = NotFound("no order 7")
    with pytest.raises(NotFound) as raised:
        Failure(error).unwrap()
    assert raised.value is error


def test_unwrapping_a_plain_error_shows_it() -> None:
    """A string cannot be raised, so it is shown."""
    with pytest.raises(ValueError, match="unwrapped a failure: 'out of stock'"):
        Failure("out of stock").unwrap()


def test_the_first_failure_stops() -> None:
    """The steps after it do not run."""
    ran: list[int] = []

    def refuse(n: int) -> Result[int, str]:
        return Failure(f"not {n}")

    def note(n: int) -> Result[int, str]:
        ran.append(n)
        return Success(n)

    assert Success(1).and_then(note).and_then(refuse).and_then(note) == Failure("not 1")
    assert ran == [1]


def test_recovering_takes_the_error() -> None:
    """`or_else` turns a Failure around, `map_error` renames it."""

    def empty(error: str) -> Result[int, str]:
        return Success(len(error))

    assert Failure("abc").or_else(empty) == Success(3)
    assert Failure("abc").map_error(len) == Failure(3)
    assert (Success(1).unwrap_or(2), Failure("x").unwrap_or(2)) == (1, 2)


def test_match_takes_it_apart_under_both_names() -> None:
    """`Ok` and `Err` are the same two classes."""
    told: list[object] = []
    for result in (Success(1), Failure(NotFound("gone")), Failure("no")):
        match result:
            case Ok(value):
                told.append(value)
            case Err(NotFound()):
                told.append("not found")
            case Failure(error=error):
                told.append(error)
    assert told == [1, "not found", "no"]


def test_a_success_is_never_a_failure_of_the_same() -> None:
    """Nor is either equal to what it holds."""
    assert Success("x") != Failure("x")
    assert Failure("x") != Success("x")
    assert Success(1) != 1
    assert len({Success(1), Failure(1), Success(1)}) == 2


def test_a_result_cannot_be_changed() -> None:
    """Neither what it holds nor anything else."""
    for result in (Success(1), Failure("no")):
        for name in ("value", "error", "is_success", "note"):
            with pytest.raises(AttributeError):
                setattr(result, name, 2)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, through_pickle])
@pytest.mark.parametrize("result", [Success(), Success([1, 2]), Failure("no")])
def test_a_result_survives_being_copied_and_sent(
    result: Result[Any, Any], duplicate: Callable[[Result[Any, Any]], Result[Any, Any]]
) -> None:
    """An idempotency store or a process pool must not lose it."""
    assert duplicate(result) == result


def test_a_failure_with_an_error_of_twofold_survives_it_too() -> None:
    """Exceptions are equal to themselves only, so the facts are compared."""
    twin = through_pickle(Failure(NotFound("no order 7")))
    assert twin.is_failure
    assert isinstance(twin.error, NotFound)
    assert str(twin.error) == "no order 7"


def test_it_shows_what_it_holds() -> None:
    """In a log line or a failed assertion."""
    assert (repr(Success(1)), repr(Failure("no"))) == ("Success(1)", "Failure('no')")
