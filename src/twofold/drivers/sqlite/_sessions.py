"""SQLAlchemy sessions over the threads of a SQLite store.

The composition root makes one `SqliteSessions` for each store. An `AsyncSession` sends each statement to the thread
that owns the connection; a `Session` is used inside that thread, by a handler that runs there as a whole.
"""

import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from sqlite3 import Connection
from typing import Any, Protocol, TypeVar, cast

from sqlalchemy import Connection as SqlConnection
from sqlalchemy import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.util.concurrency import await_

from twofold.drivers.sqlite._dialect import LentConnection, Reach, lending_engine
from twofold.drivers.sqlite._store import SqliteStore
from twofold.errors import WiringError
from twofold.sql import BlockingReadSession, BlockingWriteSession, ReadSession, WriteSession
from twofold.store import Transaction

T = TypeVar("T")


class Run(Protocol):
    """How the store runs a function with one of its connections."""

    def __call__(self, work: Callable[[Any], T], /) -> Awaitable[T]: ...


class SqliteSessions:
    """Makes the sessions of one SQLite store; see `twofold.sql.Sessions`.

    Args:
        store: The store.
    """

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._engine = lending_engine()
        self._async_engine = AsyncEngine(self._engine)
        self._equip = cast("Callable[[Connection], None]", self._engine.dialect.on_connect())
        self._here = threading.local()

    @property
    def dialect(self) -> Dialect:
        """What SQLAlchemy knows of SQLite."""
        return self._engine.dialect

    def write(self, transaction: Transaction) -> WriteSession:
        """A session whose statements run inside the transaction."""
        lent = LentConnection(self._from_loop(transaction.run), "sa_session")
        return WriteSession(
            self._async_connection(lent), sync_session_class=UnitSession, lent=lent, expire_on_commit=False
        )

    def write_blocking(self, transaction: Transaction) -> BlockingWriteSession:
        """The same for a handler that runs whole as `transaction.run(work)`, inside `bound`."""
        lent = LentConnection(self._in_thread, "sa_blocking_session")
        return UnitSession(self._connection(lent), lent=lent, expire_on_commit=False)

    def read(self) -> ReadSession:
        """A session that cannot write. Each statement sees what was committed when it began."""
        lent = LentConnection(self._from_loop(self._store.read_statement))
        return QuerySession(self._async_connection(lent), expire_on_commit=False)

    def read_blocking(self) -> BlockingReadSession:
        """The same for a handler that runs whole as `store.read(work)`, inside `bound`; all statements see the same."""
        lent = LentConnection(self._in_thread)
        return BlockingReadSession(self._connection(lent), expire_on_commit=False)

    @contextmanager
    def bound(self, connection: Connection) -> Generator[None]:
        """Let blocking sessions use this connection, in this thread, until the block ends."""
        here = self._here
        outer = getattr(here, "connection", None)
        here.connection = connection
        try:
            yield
        finally:
            here.connection = outer

    def _connection(self, lent: LentConnection) -> SqlConnection:
        return SqlConnection(self._engine, lent)

    def _async_connection(self, lent: LentConnection) -> AsyncConnection:
        return AsyncConnection(self._async_engine, SqlConnection(self._engine, lent))

    def _from_loop(self, run: Run) -> Reach:
        def reach(work: Callable[[Connection], T]) -> T:
            return await_(run(lambda connection: self._equipped(connection, work)))

        return reach

    def _in_thread(self, work: Callable[[Connection], T]) -> T:
        connection = getattr(self._here, "connection", None)
        if connection is None:
            raise WiringError("a blocking session works only in a plain `def` handler, in the thread that runs it")
        return self._equipped(connection, work)

    def _equipped(self, connection: Connection, work: Callable[[Connection], T]) -> T:
        # SQLAlchemy promises some SQL functions; a connection has one thread, which remembers that it has them.
        if getattr(self._here, "equipped", None) is not connection:
            self._equip(connection)
            self._here.equipped = connection
        return work(connection)


class QuerySession(ReadSession):
    """The session of a query on SQLite: nothing is open behind it, so letting go is no work for the loop."""

    async def close(self) -> None:
        """Let go of all objects."""
        self.sync_session.close()

    async def __aexit__(self, *_: object) -> None:
        self.sync_session.close()


class UnitSession(BlockingWriteSession):
    """The session of a unit of work on SQLite.

    Args:
        bind: What it executes with.
        lent: The connection behind it.
        options: Options of `Session`.
    """

    def __init__(self, bind: SqlConnection, *, lent: LentConnection, **options: Any) -> None:
        super().__init__(bind, **options)
        self._lent = lent

    def close(self) -> None:
        """Let go of all objects. What was flushed stays with the unit of work, which may have ended."""
        self._lent.returning = True
        try:
            super().close()
        finally:
            self._lent.returning = False
        if not self.in_transaction():
            self._lent.commit()
