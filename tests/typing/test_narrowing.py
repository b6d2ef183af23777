"""Narrowing by the truth of `is_success`: mypy does; pyright wants `match` or a comparison (see `test_result.py`)."""

# pyright: reportAssertTypeFailure=false, reportReturnType=false, reportOptionalMemberAccess=false

from typing import Literal, assert_type

from twofold import Failure, Result, Success


def parse(text: str) -> Result[int, str]:
    """A step that may fail."""
    return Success(int(text)) if text.isdigit() else Failure(f"{text} is no number")


def test_narrowing_by_is_success() -> None:
    """By the property, either way round."""

    def tell(result: Result[int, str]) -> str:
        if result.is_success:
            assert_type(result, Success[int])
            assert_type(result.value, int)
            assert_type(result.is_failure, Literal[False])
            return str(result.value)
        assert_type(result, Failure[str])
        return result.error

    def shout(result: Result[int, str]) -> str:
        if result.is_failure:
            assert_type(result.error, str)
            return result.error.upper()
        assert_type(result.value, int)
        return str(result.value)

    assert tell(parse("4")) == shout(parse("4")) == "4"
    assert shout(parse("x")) == "X IS NO NUMBER"
