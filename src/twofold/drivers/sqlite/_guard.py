"""Keeps the SQL of users away from the transaction that it runs in.

SQLite asks the authorizer when a statement is compiled, and compiled statements are cached: it is installed once, for
good, and costs nothing in the long run. The driver's own statements carry a mark, so that none of them is found in the
cache by the same words of a user.
"""

import random
import secrets
import sqlite3
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, TypeVar

T = TypeVar("T")
_Rule: TypeAlias = Callable[[str | None, str | None], str | None]


class GuardedConnection(sqlite3.Connection):
    """A connection that can tell the driver's own statements from those of a user's function.

    While a user's function runs it refuses BEGIN, COMMIT, ROLLBACK, ATTACH, DETACH and the driver's savepoints.
    Savepoints with names of their own are fine: SQLAlchemy makes them for `begin_nested`.

    Names that begin with `twofold_` are the driver's: what bears one can be read, and neither written nor made,
    changed or dropped, nor hidden behind a temporary one. One that reads needs no such rule, since the database refuses
    its writes; it refuses every PRAGMA that sets something, which whoever reads next would find set.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._patience: float = settings["timeout"]
        self._guard = _Guard()
        super().set_authorizer(self._guard)

    def run(self, work: Callable[["GuardedConnection"], T]) -> T:
        """Run a user's function on this connection.

        Raises:
            sqlite3.DatabaseError: It did what it may not; the text says why.
        """
        guard = self._guard
        before, guard.on = guard.on, True
        try:
            return work(self)
        except sqlite3.DatabaseError as error:
            guard.explain(error)
            raise
        finally:
            guard.on = before

    def blobopen(self, table: str, column: str, row: int, /, **options: Any) -> sqlite3.Blob:
        """Open a value to read and write it in place, which neither triggers nor the authorizer are asked about."""
        if self._guard.on and not options.get("readonly"):
            _refuse(_writing(table, column))
        return super().blobopen(table, column, row, **options)

    def set_authorizer(self, authorizer_callback: Any) -> None:
        """Put somebody else in the place of the guard, which a user's function may not."""
        if self._guard.on:
            _refuse("the guard stays where it is")
        super().set_authorizer(authorizer_callback)

    def only_read(self) -> None:
        """Have the database refuse writes from now on."""
        self.execute("PRAGMA query_only = ON")
        self._guard.rules = _OF_READERS

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
    __slots__ = ("on", "rules", "why")

    def __init__(self) -> None:
        self.on = False
        self.rules = _OF_THE_WRITER
        self.why: str | None = None

    def __call__(self, action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if not self.on or (rule := self.rules.get(action)) is None:
            return sqlite3.SQLITE_OK
        why = rule(first, second)
        if why is None:
            return sqlite3.SQLITE_OK
        self.why = why
        return sqlite3.SQLITE_DENY

    def explain(self, error: sqlite3.DatabaseError) -> None:
        """Add to a refusal, which SQLite calls `not authorized`, why it is one."""
        if self.why is not None and getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_AUTH:
            error.args = (f"{error}: {self.why}",)
            self.why = None


def own(statement: str) -> str:
    """A statement of the driver's, marked so that its words alone do not find it in the cache of those compiled."""
    return f"{statement}{_mark}"


def is_busy(error: sqlite3.OperationalError) -> bool:
    """Whether another connection holds what this one needs."""
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


_PAUSES = (0.0002, 0.002)
_KINDS = ("INDEX", "TABLE", "TEMP_INDEX", "TEMP_TABLE", "TEMP_TRIGGER", "TEMP_VIEW", "TRIGGER", "VIEW", "VTABLE")
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

_FOR_GOOD = frozenset(
    {
        "busy_timeout",
        "ignore_check_constraints",
        "legacy_alter_table",
        "locking_mode",
        "query_only",
        "recursive_triggers",
        "schema_version",
        "temp_store",
        "temp_store_directory",
        "writable_schema",
    }
)
"""Pragmas that would let somebody change what is not theirs, or keep the driver itself from it."""


def _refuse(why: str | None) -> None:
    if why is not None:
        raise sqlite3.DatabaseError(f"not authorized: {why}")


def _is_own(name: str | None) -> bool:
    return name is not None and name.lower().startswith("twofold_")


def _ending(*_: str | None) -> str:
    return "the transaction is twofold's, to begin and to end"


def _saving(_: str | None, name: str | None) -> str | None:
    return _ending() if _is_own(name) else None


def _attaching(*_: str | None) -> str:
    return "a store is one file"


def _writing(table: str | None, _: str | None) -> str | None:
    if table == "sqlite_sequence":
        return "sqlite_sequence has the last position of the log, and so is written by no RENAME and no DROP of yours"
    return f"{table} is twofold's: it can be read, and not written" if _is_own(table) else None


def _making(name: str | None, table: str | None) -> str | None:
    if _is_own(name) or _is_own(table):
        return f"{name}: names that begin with twofold_ are twofold's, and so is what hangs on its tables"
    return None


def _altering(database: str | None, table: str | None) -> str | None:
    # Nobody is asked about the new name of a temporary table; that of another one is written to sqlite_sequence.
    return "a temporary table keeps the name and columns it has" if database == "temp" else _making(table, None)


def _setting(pragma: str | None, value: str | None) -> str | None:
    if value is None or (pragma or "").lower() not in _FOR_GOOD:
        return None
    return f"PRAGMA {pragma} is for twofold to set"


def _setting_anything(pragma: str | None, value: str | None) -> str | None:
    if value is None or (pragma or "").lower() in _QUESTIONS:
        return None
    return f"whoever reads next would find PRAGMA {pragma} set"


_OF_ALL: Final[Mapping[int, _Rule]] = {
    sqlite3.SQLITE_TRANSACTION: _ending,
    sqlite3.SQLITE_SAVEPOINT: _saving,
    sqlite3.SQLITE_ATTACH: _attaching,
    sqlite3.SQLITE_DETACH: _attaching,
}
_OF_READERS: Final[Mapping[int, _Rule]] = {**_OF_ALL, sqlite3.SQLITE_PRAGMA: _setting_anything}
_OF_THE_WRITER: Final[Mapping[int, _Rule]] = {
    **_OF_ALL,
    **{getattr(sqlite3, f"SQLITE_{verb}_{what}"): _making for verb in ("CREATE", "DROP") for what in _KINDS},
    sqlite3.SQLITE_PRAGMA: _setting,
    sqlite3.SQLITE_INSERT: _writing,
    sqlite3.SQLITE_UPDATE: _writing,
    sqlite3.SQLITE_DELETE: _writing,
    sqlite3.SQLITE_ALTER_TABLE: _altering,
}

_mark = f" /* {secrets.token_hex(8)} */"
BEGIN = own("BEGIN")
BEGIN_WRITE = own("BEGIN IMMEDIATE")
COMMIT = own("COMMIT")
ROLLBACK = own("ROLLBACK")
SAVE = own("SAVEPOINT twofold_unit")
RELEASE = own("RELEASE twofold_unit")
UNDO = own("ROLLBACK TO twofold_unit")
MARK = own("SAVEPOINT twofold_mark")
REVERT = own("ROLLBACK TO twofold_mark")
