"""Errors carry facts, a code and a hint, and survive being copied and sent."""

import copy
import pickle  # noqa: TID251  # that it survives a process pool is what is tested
from collections.abc import Callable

import pytest

from twofold.errors import (
    BulkheadFull,
    CircuitOpen,
    DuplicateHandlerError,
    Fault,
    Finding,
    HandlerNotFoundError,
    HandlersFailed,
    Invalid,
    KeyConflict,
    MissingExtraError,
    NewerVersion,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Refused,
    StartError,
    StoreUnavailable,
    TimedOut,
    TooLarge,
    TwofoldError,
    Undecodable,
    UnknownMessage,
    VersionConflict,
    WiringError,
)


class HTTPCallRefused(Refused):
    """A refusal with a name of its own."""


EVERY_ERROR = [
    Refused("no"),
    Invalid("too small", field="lines.quantity"),
    Invalid(findings=[Finding(path=("a",), message="missing"), Finding(message="late")]),
    TooLarge(limit=10),
    HandlersFailed(event=Refused, errors={"a": "no"}),
    VersionConflict(stream="order-1", expected=1, actual=2),
    KeyConflict(),
    UnknownMessage(name="ordr", version=2, near=("order",)),
    Undecodable(name="order", cause="id: missing"),
    Undecodable(name="order", cause="id: missing", version=2, position=7),
    TimedOut("too late", retry_after=3.0),
    StoreUnavailable(),
    NewerVersion(name="order", version=3, known=2),
    OutcomeUnknown(),
    RateLimited(name="find_user", rate="10/second", retry_after=0.25),
    CircuitOpen(name="find_user", retry_after=30.0),
    BulkheadFull(name="find_user", concurrent=20, waiting=5),
    WiringError("wrong"),
    HandlerNotFoundError(Refused, near=["Refuse"]),
    DuplicateHandlerError(Refused, first="a", second="b"),
    MissingExtraError(room="twofold.web", extra="web", package="fastapi"),
    StartError(app="shop", faults=[Fault(where="x", code="y", text="z")]),
]


def through_pickle(error: TwofoldError) -> TwofoldError:
    """To another process and back."""
    found = pickle.loads(pickle.dumps(error))
    assert isinstance(found, TwofoldError)
    return found


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, through_pickle])
def test_an_error_survives_being_copied_and_sent(
    error: TwofoldError, duplicate: Callable[[TwofoldError], TwofoldError]
) -> None:
    """Facts are attributes made by keyword, which plain exceptions lose."""
    twin = duplicate(error)
    assert type(twin) is type(error)
    assert (str(twin), twin.args, vars(twin)) == (str(error), error.args, vars(error))


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda error: type(error).__name__)
def test_an_error_says_what_happened_and_the_hint_in_brackets(error: TwofoldError) -> None:
    """The text is whole, whichever error it is."""
    assert error.detail
    assert str(error) == (f"{error.detail} ({error.hint})" if error.hint else error.detail)
    assert type(error).__name__ in repr(error)


def test_a_refusal_takes_its_code_from_its_name() -> None:
    """A rule of one's own needs a class and nothing else."""
    assert HTTPCallRefused.code == "http_call_refused"


def test_a_code_of_its_own_is_kept() -> None:
    """A class may be renamed without its clients noticing."""

    class Renamed(Refused):
        code = "old_name"

    assert Renamed("no").code == "old_name"


def test_an_error_without_text_says_its_code() -> None:
    """No error is silent."""
    assert str(NotFound()) == "not found"


def test_an_invalid_is_a_value_error() -> None:
    """So that pydantic takes one raised in `__post_init__` for a finding."""
    assert issubclass(Invalid, ValueError)
    assert issubclass(WiringError, ValueError)


def test_an_invalid_carries_every_finding() -> None:
    """Its own first, then those it is given."""
    error = Invalid("too small", field="lines.quantity", findings=[Finding(message="and late")])
    assert [finding.field for finding in error.findings] == ["lines.quantity", ""]
    assert str(error) == "lines.quantity: too small; and late"
    assert str(Invalid()) == "the message is invalid"


def test_a_version_conflict_tells_what_was_found_when_it_is_known() -> None:
    """A store that cannot tell leaves it out."""
    assert "found" not in str(VersionConflict(stream="s", expected=1))
    assert "found 2" in str(VersionConflict(stream="s", expected=1, actual=2))


def test_an_unknown_message_hints_at_near_ones_only_when_there_are_some() -> None:
    """A hint that helps nobody is not given."""
    assert UnknownMessage(name="ordr", near=("order",)).hint == "did you mean 'order'?"
    assert UnknownMessage(name="ordr").hint == ""
    assert "version 2" in str(UnknownMessage(name="ordr", version=2))


def test_a_missing_handler_hints_at_a_near_one_or_at_the_way_out() -> None:
    """Either a typing mistake, or a module that was not mounted."""
    assert "Refuse" in HandlerNotFoundError(Refused, near=["Refuse"]).hint
    assert "mount" in HandlerNotFoundError(Refused).hint


def test_a_start_error_lists_every_fault() -> None:
    """All of them at once, each with where it is and how to mend it."""
    faults = [Fault(where="a", code="x", text="is wrong", hint="mend it"), Fault(where="b", code="y", text="too")]
    text = str(StartError(app="shop", faults=faults))
    assert text.splitlines() == ["shop cannot start: 2 faults", "  - a: is wrong (mend it)", "  - b: too"]
    assert "1 fault\n" in str(StartError(app="shop", faults=faults[:1]))
