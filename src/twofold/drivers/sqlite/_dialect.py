"""SQLAlchemy's SQLite dialect over a connection that lives in a thread of the store's.

A statement is executed and its rows are fetched in one call to that thread. Transactions belong to the store: nothing
in here begins or ends one. What a session rolls back, it rolls back to a savepoint.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from sqlite3 import Connection
from typing import Any, NoReturn, Protocol, TypeVar

from sqlalchemy import Engine, NullPool, PoolProxiedConnection, make_url
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from twofold.errors import StoreUnavailable
from twofold.sql import WriteRefused

T = TypeVar("T")


class Reach(Protocol):
    """Runs a function where the connection lives, and gives what it returns."""

    def __call__(self, work: Callable[[Connection], T], /) -> T: ...


class LentConnection(PoolProxiedConnection):
    """The store's connection, as lent to one session: what SQLAlchemy takes for a connection from a pool.

    Args:
        reach: How to get to the connection.
        savepoint: What a rollback goes back to; None for a reader, which has nothing to undo.
    """

    def __init__(self, reach: Reach, savepoint: str | None = None) -> None:
        self._reach = reach
        self._savepoint = savepoint
        self._saved = False
        self.returning = False
        self.dbapi_connection: Any = self
        self.driver_connection = None

    @property
    def is_valid(self) -> bool:
        """Always: the store answers for its connections."""
        return True

    def cursor(self, *args: Any, **options: Any) -> Any:
        """A cursor, as SQLAlchemy takes it."""
        return Answer(self)

    def run(self, work: Callable[[Connection], T], statement: str) -> T:
        """Run a function that executes a statement where the connection lives."""

        def behind_savepoint(connection: Connection) -> T:
            connection.execute(f"SAVEPOINT {self._savepoint}")
            self._saved = True
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
        return self._reach(work if self._saved else behind_savepoint)

    def commit(self) -> None:
        """Nothing but a new starting point for `rollback`."""
        self._saved = False

    def rollback(self) -> None:
        """Undo what was written since the starting point."""
        if self._saved and not self.returning:
            self._saved = False
            self._reach(self._undo)

    def close(self) -> None:
        """Nothing: the store closes its connections."""

    def invalidate(self, e: BaseException | None = None, soft: bool = False) -> None:
        """Nothing: the store knows best."""

    def _undo(self, connection: Connection) -> None:
        connection.execute(f"ROLLBACK TO {self._savepoint}")
        connection.execute(f"RELEASE {self._savepoint}")


class Answer:
    """A cursor whose rows are all there already."""

    __slots__ = ("_lent", "_rows", "arraysize", "description", "lastrowid", "rowcount")

    def __init__(self, lent: LentConnection) -> None:
        self._lent = lent
        self._rows: Iterator[Any] = iter(())
        self.arraysize = 1
        self.description: Any = None
        self.lastrowid: int | None = None
        self.rowcount = -1

    def execute(self, statement: str, parameters: Any = ()) -> None:
        """Execute, and fetch all rows."""

        def work(connection: Connection) -> Sequence[Any]:
            cursor = connection.execute(statement, parameters)
            self.description = cursor.description
            rows = cursor.fetchall() if cursor.description else ()
            self.lastrowid, self.rowcount = cursor.lastrowid, cursor.rowcount
            return rows

        self._rows = iter(self._lent.run(work, statement))

    def executemany(self, statement: str, parameters: Sequence[Any]) -> None:
        """Execute once for each set of parameters."""

        def work(connection: Connection) -> None:
            cursor = connection.executemany(statement, parameters)
            self.lastrowid, self.rowcount = cursor.lastrowid, cursor.rowcount

        self._lent.run(work, statement)

    def fetchone(self) -> Any:
        """The next row, or None."""
        return next(self._rows, None)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """The next rows."""
        wanted = range(self.arraysize if size is None else size)
        return [row for _, row in zip(wanted, self._rows, strict=False)]

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        return list(self._rows)

    def close(self) -> None:
        """Forget the rows that are left."""
        self._rows = iter(())

    async def _async_soft_close(self) -> None:
        """Nothing is open. SQLAlchemy's asyncio extension calls this."""


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


def lending_engine() -> Engine:
    """An engine without connections of its own; it keeps what the sessions of one store have compiled."""
    return Engine(NullPool(_no_connection), ThreadDialect(), make_url("sqlite+twofold://"))


def _no_connection() -> NoReturn:
    raise StoreUnavailable("the session was interrupted, and its unit of work with it")
