"""SQLAlchemy sessions over the threads of a SQLite store.

The composition root makes one `SqliteSessions` for each store. An `AsyncSession` sends each statement to the thread
that owns the connection; a `Session` is used inside that thread, by a handler that runs there as a whole.
"""

import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from functools import partial
from sqlite3 import Connection
from typing import Any, Protocol, TypeVar, cast

from sqlalchemy.util.concurrency import await_

from twofold.drivers.sqlite._dialect import Reach, ThreadConnection, ThreadDialect, ThreadReader
from twofold.drivers.sqlite._guard import GuardedConnection
from twofold.drivers.sqlite._store import SqliteStore
from twofold.errors import WiringError
from twofold.sql import LendingSessions
from twofold.store import Transaction

T = TypeVar("T")


class Run(Protocol):
    """How the store runs a function with one of its connections."""

    def __call__(self, work: Callable[[Any], T], /) -> Awaitable[T]: ...


class SqliteSessions(LendingSessions):
    """Makes the sessions of one SQLite store; see `twofold.sql.Sessions`.

    Args:
        store: The store.
    """

    def __init__(self, store: SqliteStore) -> None:
        dialect = ThreadDialect()
        super().__init__(dialect, ThreadDialect())
        self._store = store
        self._equip = cast("Callable[[Connection], None]", dialect.on_connect())
        self._here = threading.local()

    def for_unit(self, transaction: Transaction) -> ThreadConnection:
        """The connection of a transaction, from the event loop."""
        return ThreadConnection(self._from_loop(transaction.run), "sa_session")

    def for_reader(self) -> ThreadReader:
        """A connection that reads, from the event loop."""
        return ThreadReader(self._from_loop(self._store.read_statement), self._read)

    def in_place(self, savepoint: str | None = None) -> ThreadConnection:
        """The connection that `bound` says, in this thread."""
        return ThreadConnection(self._in_thread, savepoint)

    @contextmanager
    def bound(self, connection: GuardedConnection) -> Generator[None]:
        """Let blocking sessions use this connection, in this thread, until the block ends."""
        here = self._here
        outer = getattr(here, "connection", None)
        here.connection = connection
        try:
            yield
        finally:
            here.connection = outer

    def _from_loop(self, run: Run) -> Reach:
        return cast("Reach", partial(self._reach, run))

    def _reach(self, run: Run, work: Callable[[Connection], T]) -> T:
        return await_(run(lambda connection: self._equipped(connection, work)))

    def _read(self, work: Callable[[Connection], T]) -> Awaitable[T]:
        return self._store.read_statement(lambda connection: self._equipped(connection, work))

    def _in_thread(self, work: Callable[[Connection], T]) -> T:
        connection: GuardedConnection | None = getattr(self._here, "connection", None)
        if connection is None:
            raise WiringError("a blocking session works only in a plain `def` handler, in the thread that runs it")
        return connection.run(lambda it: self._equipped(it, work))

    def _equipped(self, connection: Connection, work: Callable[[Connection], T]) -> T:
        # SQLAlchemy promises some SQL functions; a connection has one thread, which remembers that it has them.
        if getattr(self._here, "equipped", None) is not connection:
            self._equip(connection)
            self._here.equipped = connection
        return work(connection)
