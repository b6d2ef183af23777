"""What an error of PostgreSQL, or of the way to it, means to whoever called the store."""

import re
from typing import Any, Final, NoReturn

import asyncpg

from twofold.errors import Conflict, Invalid, OutcomeUnknown, StoreUnavailable, TwofoldError, WiringError
from twofold.store import NUMBER_NOT_HELD, TEXT_NOT_HELD

_GONE: Final = (OSError, EOFError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError)
LOST: Final = (*_GONE, asyncpg.PostgresError)
"""What may be raised on the way to a server, and while nothing is asked of it that could be wrong."""

_UNAVAILABLE: Final = ("08", "25006", "25P03", "25P04", "28", "53", "55P03", "57", "58", "3D", "XX")
_DEAD: Final = ("08", "57P01", "57P02", "57P03", "57P05", "25P03", "25P04")
_AGAIN: Final = ("40001", "40P01")
_NO_TEXT: Final = ("22021", "22P05")
_NOT_HELD: Final = (UnicodeError, OverflowError)
"""Why asyncpg does not even send a value."""
_QUOTED: Final = re.compile('".*"', re.DOTALL)
_PARAMETER: Final = re.compile(r"invalid input for query argument \$\d+")
_TYPES: Final = re.compile(r"\(expected \w+, got \w+\)$")


def raise_typed(error: Exception) -> NoReturn:
    """Raise what an error means, with the error as its cause.

    What passes (no connection, no space, a lock that is not free, a server that stops, or that is read-only) becomes
    `StoreUnavailable`; a deadlock, a serialization failure, or tables that have changed their columns meanwhile a
    `Conflict`; text and numbers that PostgreSQL cannot hold `Invalid`.
    Broken constraints and wrong SQL are mistakes of whoever wrote the rows, and stay what they are, but for the values.
    """
    leave_out_values(error)
    own = _own(error)
    if own is None:
        raise error
    raise own from error


def leave_out_values(error: BaseException) -> None:
    """Leave the values of rows and parameters out of what an error says, for it ends up in logs; types and names stay.

    Args:
        error: The error, which is changed.
    """
    if isinstance(error, asyncpg.PostgresError):
        fields: Any = error
        fields.detail = None
    if isinstance(error, asyncpg.DataError):
        text = _QUOTED.sub('"***"', str(error.args[0]))
        if parameter := _PARAMETER.match(text):
            types = _TYPES.search(text)
            text = parameter.group() + (f" {types.group()}" if types else "")
            if not isinstance(error.__cause__, _NOT_HELD):
                error.__cause__, error.__suppress_context__ = None, True
        error.args = (text,)


def not_held(error: BaseException) -> Invalid | None:
    """What is said of text or a number that PostgreSQL cannot hold; None for any other error."""
    not_sent = error.__cause__ if isinstance(error, asyncpg.DataError) else None
    if isinstance(not_sent, OverflowError):
        return Invalid(NUMBER_NOT_HELD)
    if isinstance(not_sent, UnicodeError) or state_of(error) in _NO_TEXT:
        return Invalid(TEXT_NOT_HELD)
    return None


def must_run_again(error: BaseException) -> bool:
    """Whether PostgreSQL gave up on a transaction because of others beside it, so that it may just be run again."""
    return state_of(error) in _AGAIN or isinstance(error, asyncpg.InvalidCachedStatementError)


def is_lost(error: BaseException) -> bool:
    """Whether the connection is gone, so that nobody knows what became of what was sent last."""
    return state_of(error).startswith(_DEAD) or isinstance(error, _GONE)


def unknown(error: BaseException) -> OutcomeUnknown:
    """The error for a commit that was sent and got no answer."""
    lost = OutcomeUnknown(f"the commit was sent to PostgreSQL, and its answer never came: {_text(error)}")
    lost.__cause__ = error
    return lost


def _own(error: BaseException) -> TwofoldError | None:
    state = state_of(error)
    if isinstance(error, TwofoldError):
        return None
    if isinstance(error, asyncpg.ClientConfigurationError):
        return WiringError(f"PostgreSQL cannot be reached by this address: {error}")
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return StoreUnavailable("no server at this address is a primary: a standby is for `replicas=`")
    if (invalid := not_held(error)) is not None:
        return invalid
    if must_run_again(error):
        return Conflict(f"others changed the same at the same time: {_text(error)}")
    if state.startswith(_UNAVAILABLE) or isinstance(error, _GONE):
        return StoreUnavailable(f"PostgreSQL refuses, or is not there: {_text(error)}")
    return None


def _text(error: BaseException) -> str:
    kind = state_of(error) or type(error).__name__
    return f"{error} ({kind})" if str(error) else kind


def state_of(error: BaseException) -> str:
    """The five characters by which PostgreSQL names an error; empty for one of another origin."""
    state = getattr(error, "sqlstate", None) if isinstance(error, asyncpg.PostgresError) else None
    return state if isinstance(state, str) else ""
