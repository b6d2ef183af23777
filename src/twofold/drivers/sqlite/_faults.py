"""What an error of SQLite means to whoever called the store."""

import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Final, final

from twofold.errors import Invalid, StoreUnavailable
from twofold.store import NUMBER_NOT_HELD, TEXT_NOT_HELD

_PASSING = tuple(
    f"SQLITE_{kind}"
    for kind in (
        "BUSY",
        "LOCKED",
        "FULL",
        "IOERR",
        "READONLY",
        "CANTOPEN",
        "NOMEM",
        "PROTOCOL",
        "INTERRUPT",
        "CORRUPT",
        "NOTADB",
    )
)


def typed(error: BaseException, opened: Path | None = None) -> BaseException:
    """The error to raise for one that SQLite raised.

    Locked, busy, full, interrupted, unreadable and unwritable become `StoreUnavailable`. Broken constraints and wrong
    SQL are mistakes of whoever wrote the rows, and stay what they are.

    Args:
        error: The one that SQLite raised.
        opened: The file, for whoever opens it; who sends messages is not told where it is.
    """
    name = _name(error)
    if not name.startswith(_PASSING):
        return error
    where = "" if opened is None else f" {opened}"
    hint = "" if opened is None or opened.parent.exists() else ": there is no such folder"
    unavailable = StoreUnavailable(f"SQLite refuses{where}: {error} ({name}){hint}")
    unavailable.__cause__ = error
    return unavailable


@final
class _Holding:
    # A generator would cost every change of rows 2 µs.
    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After a statement that failed, Python takes that one's error for it, and has its own behind it.
        beyond = error.__context__ if isinstance(error, sqlite3.Error) else error
        if isinstance(beyond, OverflowError | UnicodeEncodeError):
            raise Invalid(TEXT_NOT_HELD if isinstance(beyond, UnicodeEncodeError) else NUMBER_NOT_HELD) from beyond


holding: Final = _Holding()
"""Goes around what executes with somebody's values: one that SQLite cannot hold, as PostgreSQL a text, is `Invalid`."""


def sync_failed(error: sqlite3.Error) -> bool:
    """Whether a COMMIT failed in a way that leaves unknown what is on the disk.

    A refused write does not: the commit record was never complete. After a failed fsync the system may forget the pages
    and report success the next time, so nothing that follows could be trusted.
    """
    name = _name(error)
    return name.startswith("SQLITE_IOERR") and name != "SQLITE_IOERR_WRITE"


def _name(error: BaseException) -> str:
    return getattr(error, "sqlite_errorname", "") if isinstance(error, sqlite3.Error) else ""
