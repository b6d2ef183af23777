"""What type checkers infer of a Result: its combinators, and its two tracks narrowed."""

from typing import assert_type

from twofold import Err, Failure, NotFound, Ok, Result, Success, TwofoldError


def parse(text: str) -> Result[int, str]:
    """A step that may fail."""
    return Success(int(text)) if text.isdigit() else Failure(f"{text} is no number")


def halve(number: int) -> Result[float, NotFound]:
    """Another, with another error."""
    return Success(number / 2) if number else Failure(NotFound("nothing"))


def test_making_one() -> None:
    """From what it holds."""
    assert_type(Success(1), Success[int])
    assert_type(Success(), Success[None])
    assert_type(Failure("no"), Failure[str])
    assert_type(Ok(1), Success[int])
    assert_type(Err("no"), Failure[str])
    assert_type(Success[int](1).unwrap(), int)


def test_the_error_has_a_default() -> None:
    """The family of twofold's own errors."""

    def place() -> Result[int]:
        return Success(1)

    assert_type(place(), Result[int, TwofoldError])


def test_combinators_on_one_track() -> None:
    """A Success stays one through `map`, a Failure through everything but `or_else`."""
    assert_type(Success(1).map(str), Success[str])
    assert_type(Success(1).and_then(halve), Result[float, NotFound])
    assert_type(Failure("no").map_error(len), Failure[int])
    assert_type(Failure("1").or_else(parse), Result[int, str])
    assert_type(Failure("no").unwrap_or(1), int)


def test_combinators_on_both_tracks() -> None:
    """The errors of all steps are kept apart."""
    assert_type(parse("4").map(str), Success[str] | Failure[str])
    assert_type(parse("4").and_then(halve), Success[float] | Failure[NotFound] | Failure[str])
    assert_type(parse("4").map_error(len), Success[int] | Failure[int])
    assert_type(parse("4").unwrap(), int)
    assert_type(parse("x").unwrap_or(0), int)
    assert_type(parse("x").unwrap_or(None), int | None)


def test_narrowing_by_match() -> None:
    """And nothing is left over."""

    def tell(result: Result[int, str]) -> str:
        match result:
            case Success(value):
                assert_type(value, int)
                return str(value)
            case Failure(error):
                assert_type(error, str)
                return error

    assert tell(parse("4")) == "4"
    assert tell(parse("x")) == "x is no number"


def test_narrowing_by_short_names() -> None:
    """`Ok` and `Err` are the same."""

    def tell(result: Result[int, NotFound | str]) -> str:
        match result:
            case Ok(value):
                assert_type(value, int)
                return str(value)
            case Err(NotFound() as error):
                assert_type(error, NotFound)
                return error.detail
            case Err(error):
                assert_type(error, NotFound | str)
                return str(error)

    assert tell(Failure(NotFound("gone"))) == "gone"


def test_narrowing_by_comparison() -> None:
    """By `is_success is True` and its like, either way round."""

    def tell(result: Result[int, str]) -> str:
        if result.is_success is True:
            assert_type(result, Success[int])
            return str(result.value)
        assert_type(result, Failure[str])
        return result.error

    def shout(result: Result[int, str]) -> str:
        if result.is_failure is False:
            assert_type(result, Success[int])
            return str(result.value)
        assert_type(result.error, str)
        return result.error.upper()

    assert tell(parse("4")) == shout(parse("4")) == "4"
    assert shout(parse("x")) == "X IS NO NUMBER"


def test_a_narrow_result_fits_where_a_wide_one_is_asked_for() -> None:
    """Both tracks are covariant."""
    narrow: Result[bool, NotFound] = Success(True)
    wide: Result[int, TwofoldError] = narrow
    assert wide.unwrap() == 1
