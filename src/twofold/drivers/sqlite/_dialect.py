"""SQLAlchemy's SQLite dialect over a connection that lives in a thread of the store's.

A statement is executed and its rows are fetched in one call to that thread.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from sqlite3 import Connection
from typing import Any, Protocol, TypeVar, cast

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from twofold.drivers.sqlite._faults import holding
from twofold.sql import Fetched, LentConnection, ReadingConnection, WriteRefused

T = TypeVar("T")


class Reach(Protocol):
    """Runs a function where the connection lives, and gives what it returns."""

    def __call__(self, work: Callable[[Connection], T], /) -> T: ...


class ThreadConnection(LentConnection):
    """A connection in a thread of the store's.

    Args:
        reach: How to get to the connection.
        savepoint: What a rollback goes back to; None for a reader, which has nothing to undo.
    """

    def __init__(self, reach: Reach, savepoint: str | None = None) -> None:
        super().__init__()
        self._reach = reach
        self._savepoint = savepoint

    def cursor(self, *args: Any, **options: Any) -> Any:
        """A cursor, as SQLAlchemy takes it."""
        return ThreadCursor(self)

    def run(self, work: Callable[[Connection], T], statement: str) -> T:
        """Run a function that executes a statement where the connection lives."""

        def behind_savepoint(connection: Connection) -> T:
            connection.execute(f"SAVEPOINT {self._savepoint}")
            self.saved = True
            return work(connection)

        def reading(connection: Connection) -> T:
            try:
                return work(connection)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_READONLY:
                    raise WriteRefused(statement) from error
                raise

        if self._savepoint is None:
            return self._reach(reading)
        return self._reach(work if self.saved else behind_savepoint)

    def undo(self) -> None:
        """Undo what was written since the savepoint."""
        self._reach(self._undo)

    def _undo(self, connection: Connection) -> None:
        connection.execute(f"ROLLBACK TO {self._savepoint}")
        connection.execute(f"RELEASE {self._savepoint}")


class ThreadReader(ThreadConnection, ReadingConnection):
    """A connection that reads, in a thread of the store's.

    Args:
        reach: How to get to the connection.
        read: The same, for whoever awaits.
    """

    def __init__(self, reach: Reach, read: Callable[[Callable[[Connection], Any]], Awaitable[Any]]) -> None:
        super().__init__(reach)
        self._read = read

    async def fetch(self, statement: str, parameters: Sequence[Any]) -> Sequence[Any] | None:
        """The rows of a SELECT; None when it failed."""
        try:
            return cast("Sequence[Any]", await self._read(lambda it: it.execute(statement, parameters).fetchall()))
        except (sqlite3.Error, OverflowError, UnicodeEncodeError):
            return None


class ThreadCursor(Fetched):
    """A cursor on a connection in a thread of the store's."""

    __slots__ = ()
    lent: ThreadConnection

    def execute(self, statement: str, parameters: Any = ()) -> None:
        """Execute, and fetch all rows."""

        def work(connection: Connection) -> Any:
            with holding:
                cursor = connection.execute(statement, parameters)
            self.description = cursor.description
            rows = cursor.fetchall() if cursor.description else ()
            self.lastrowid, self.rowcount = cursor.lastrowid, cursor.rowcount
            return rows

        self.keep(self.lent.run(work, statement))

    def executemany(self, statement: str, parameters: Sequence[Any]) -> None:
        """Execute once for each set of parameters."""

        def work(connection: Connection) -> None:
            with holding:
                cursor = connection.executemany(statement, parameters)
            self.lastrowid, self.rowcount = cursor.lastrowid, cursor.rowcount

        self.lent.run(work, statement)


class ThreadDialect(SQLiteDialect_pysqlite):
    """SQLite through a thread of the store's, from asyncio or from that thread itself."""

    driver = "twofold"
    is_async = True
    supports_statement_cache = True

    def __init__(self) -> None:
        super().__init__(dbapi=sqlite3, paramstyle="qmark")
        self.server_version_info = sqlite3.sqlite_version_info
        self.default_schema_name = "main"

    def do_rollback_to_savepoint(self, connection: Any, name: str) -> None:
        """Roll back to a savepoint, unless the session is only letting go."""
        if not connection.connection.returning:
            sqlite: Any = super()
            sqlite.do_rollback_to_savepoint(connection, name)
