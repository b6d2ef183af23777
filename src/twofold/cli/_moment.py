"""Moments of the past as one word: instants, in every form that the command line prints, and what `--at` takes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import rich_click as click

from twofold.aggregates import AsOf
from twofold.errors import Invalid

F = TypeVar("F", bound=Callable[..., Any])

_TICK: Final = timedelta(microseconds=1)
_LAST: Final = datetime.max.replace(tzinfo=UTC)
_FORMS: Final = "3 is a version of the stream, @120 a position of the log, and 2030-01-02T03:04:05Z an instant in UTC"


def time(word: str) -> datetime:
    """The instant that an option is given, in UTC unless it says its time zone; the type of such options."""
    try:
        moment = _instant(word)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{word!r} is no instant; 2030-01-02 is, and 2030-01-02T03:04:05Z") from None


def end(word: str) -> datetime:
    """The first instant behind a time that is still meant; the type of options that say until when.

    A time without fractions means its whole second, since that is what tables print of what was later in it.
    """
    last = _whole(word, time(word))
    return last + min(_TICK, _LAST - last)


def at_option(text: str) -> Callable[[F], F]:
    """The option `--at`, given on as `as_of`; it is a usage error when it is no moment.

    Args:
        text: What the command does up to then.
    """
    told = (
        f"{text}: a version of the stream (3), a position of the log (@120), or an instant with its time zone, without"
        " fractions until the end of its second."
    )
    return click.option("--at", "as_of", callback=_read, metavar="MOMENT", help=told)


def _read(_context: click.Context, _option: click.Parameter, word: str | None) -> AsOf | None:
    if word is None:
        return None
    try:
        return _moment(word)
    except Invalid as error:
        raise click.BadParameter(f"{error}; {_FORMS}") from None
    except ValueError:
        raise click.BadParameter(f"{word!r} is no moment; {_FORMS}") from None


def _moment(word: str) -> AsOf:
    if word.isdecimal():
        return AsOf.version(int(word))
    if word.startswith("@") and word[1:].isdecimal():
        return AsOf.position(int(word[1:]))
    moment = _instant(word)
    if moment.tzinfo is None:
        raise Invalid(f"{word!r} says no time zone, and is an instant with Z or an offset at its end")
    return AsOf.instant(_whole(word, moment))


def _whole(word: str, moment: datetime) -> datetime:
    """The last instant that a word means: of its whole second, unless it says fractions."""
    return moment if "." in word or "," in word else moment.replace(microsecond=999_999)


def _instant(word: str) -> datetime:
    """An instant in a form of ISO 8601, or as rows of tables show it.

    Raises:
        ValueError: It is in neither.
    """
    bare = word.removesuffix(" UTC")
    return datetime.fromisoformat(word if bare == word else f"{bare}Z")
