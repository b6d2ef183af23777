"""Keeps the SQL of users away from the transaction that it runs in.

SQLite asks the authorizer when a statement is compiled, and compiled statements are cached: it is installed once, for
good, and costs nothing in the long run. The driver's own statements carry a mark, so that none of them is found in the
cache by the same words of a user.
"""

import random
import secrets
import sqlite3
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class GuardedConnection(sqlite3.Connection):
    """A connection that can tell the driver's own statements from those of a user's function.

    While a user's function runs it refuses BEGIN, COMMIT, ROLLBACK, ATTACH, DETACH and the driver's savepoints; one
    that reads refuses every PRAGMA that sets something, too, which whoever reads next would find set.
    Savepoints with names of their own are fine: SQLAlchemy makes them for `begin_nested`.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._patience: float = settings["timeout"]
        self._guard = _Guard()
        self.set_authorizer(self._guard)

    def run(self, work: Callable[["GuardedConnection"], T]) -> T:
        """Run a user's function on this connection."""
        self._guard.on = True
        try:
            return work(self)
        finally:
            self._guard.on = False

    def only_read(self) -> None:
        """Have the database refuse writes from now on."""
        self.execute("PRAGMA query_only = ON")
        self._guard.watched = _WATCHED | {sqlite3.SQLITE_PRAGMA}

    def begin_write(self) -> None:
        """Begin a transaction that writes, as soon as no other process is in one.

        SQLite keeps no queue of those who wait: each looks again after a pause, and SQLite's own pauses grow to 100 ms.
        Beside a process that commits without a break that finds the file locked every time; a short pause does not.

        Raises:
            sqlite3.OperationalError: The timeout of the connection has passed.
        """
        until = time.monotonic() + self._patience
        while True:
            try:
                self.execute(BEGIN_WRITE)
            except sqlite3.OperationalError as error:
                if not is_busy(error) or time.monotonic() > until:
                    raise
                time.sleep(random.uniform(*_PAUSES))  # noqa: S311  # two that wait shall not look in step
            else:
                return

    def roll_back(self) -> None:
        """End the transaction, if there is one."""
        if self.in_transaction:
            self.execute(ROLLBACK)


class _Guard:
    # An object of its own: a method of the connection would tie it into a cycle.
    __slots__ = ("on", "watched")

    def __init__(self) -> None:
        self.on = False
        self.watched = _WATCHED

    def __call__(self, action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if not self.on or action not in self.watched:
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_PRAGMA and (second is None or (first or "").lower() in _QUESTIONS):
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_SAVEPOINT and not (second or "").lower().startswith("twofold_"):
            return sqlite3.SQLITE_OK
        return sqlite3.SQLITE_DENY


def is_busy(error: sqlite3.OperationalError) -> bool:
    """Whether another connection holds what this one needs."""
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


_PAUSES = (0.0002, 0.002)
_WATCHED = frozenset(
    {sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT, sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH}
)
_QUESTIONS = frozenset(
    {
        "foreign_key_check",
        "foreign_key_list",
        "index_info",
        "index_list",
        "index_xinfo",
        "integrity_check",
        "quick_check",
        "table_info",
        "table_list",
        "table_xinfo",
    }
)
"""Pragmas that are given a name to ask about."""

_mark = f" /* {secrets.token_hex(8)} */"
BEGIN = f"BEGIN{_mark}"
BEGIN_WRITE = f"BEGIN IMMEDIATE{_mark}"
COMMIT = f"COMMIT{_mark}"
ROLLBACK = f"ROLLBACK{_mark}"
SAVE = f"SAVEPOINT twofold_unit{_mark}"
RELEASE = f"RELEASE twofold_unit{_mark}"
UNDO = f"ROLLBACK TO twofold_unit{_mark}"
MARK = f"SAVEPOINT twofold_mark{_mark}"
REVERT = f"ROLLBACK TO twofold_mark{_mark}"
