"""A store's connection, lent to sessions: what SQLAlchemy sees of it, whichever database it speaks to.

Drivers build on it. Transactions belong to the store: nothing in here begins or ends one. What a session rolls back,
it rolls back to a point that the driver remembers.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, NoReturn

from sqlalchemy import Connection, Dialect, Engine, NullPool, PoolProxiedConnection, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.orm import Session

from twofold.errors import StoreUnavailable
from twofold.sql._sessions import BlockingReadSession, BlockingWriteSession, ReadSession, WriteSession
from twofold.store import Store, Transaction


class LentConnection(PoolProxiedConnection, ABC):
    """The store's connection, as lent to one session: what SQLAlchemy takes for a connection from a pool."""

    def __init__(self) -> None:
        self.saved = False
        """Whether there is a point that `undo` goes back to."""
        self.returning = False
        """Whether the session only lets go of the connection: what it wrote stays."""
        self.dbapi_connection: Any = self
        self.driver_connection = None

    @property
    def is_valid(self) -> bool:
        """Always: the store answers for its connections."""
        return True

    @abstractmethod
    def cursor(self, *args: Any, **options: Any) -> Any:
        """A cursor, as SQLAlchemy takes it."""

    @abstractmethod
    def undo(self) -> None:
        """Undo what was written since the starting point."""

    def commit(self) -> None:
        """Nothing but a new starting point for `rollback`."""
        self.saved = False

    def rollback(self) -> None:
        """Undo what was written since the starting point."""
        if self.saved and not self.returning:
            self.saved = False
            self.undo()

    def close(self) -> None:
        """Nothing: the store closes its connections."""

    def invalidate(self, e: BaseException | None = None, soft: bool = False) -> None:
        """Nothing: the store knows best."""


class Fetched(ABC):
    """A cursor whose rows are all there already.

    Args:
        lent: The connection that it executes with.
    """

    __slots__ = ("_rows", "arraysize", "description", "lastrowid", "lent", "rowcount")

    def __init__(self, lent: Any) -> None:
        self.lent = lent
        self._rows: Iterator[Any] = iter(())
        self.arraysize = 1
        self.description: Any = None
        self.lastrowid: int | None = None
        self.rowcount = -1

    @abstractmethod
    def execute(self, statement: str, parameters: Any = ()) -> None:
        """Execute, and fetch all rows."""

    @abstractmethod
    def executemany(self, statement: str, parameters: Any) -> None:
        """Execute once for each set of parameters."""

    def keep(self, rows: Iterable[Any]) -> None:
        """Keep the rows that were fetched, for those who ask."""
        self._rows = iter(rows)

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


class _Borrower(Session):
    """A session that lets go of its connection without a word to the database, which may be out of reach by then.

    Args:
        bind: What it executes with.
        lent: The connection behind it.
        options: Options of `Session`.
    """

    def __init__(self, bind: Connection, *, lent: LentConnection, **options: Any) -> None:
        super().__init__(bind, expire_on_commit=False, **options)
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


class _UnitSession(_Borrower, BlockingWriteSession):
    pass


class _ReaderSession(_Borrower, BlockingReadSession):
    pass


class LendingSessions(ABC):
    """Makes the sessions of one store; see `twofold.sql.Sessions`. A driver says how its connections are reached.

    Args:
        store: The store.
        dialect: What its database speaks.
    """

    def __init__(self, store: Store, dialect: Dialect) -> None:
        self._store = store
        # An engine without connections of its own; it keeps what the sessions of the store have compiled.
        self._engine = Engine(NullPool(_no_connection), dialect, make_url(f"{dialect.name}+twofold://"))
        self._async_engine = AsyncEngine(self._engine)

    @abstractmethod
    def for_unit(self, transaction: Transaction) -> LentConnection:
        """The connection of a transaction, from the event loop."""

    @abstractmethod
    def for_reader(self) -> LentConnection:
        """A connection that reads, from the event loop."""

    @abstractmethod
    def in_place(self, savepoint: str | None = None) -> LentConnection:
        """The connection that `bound` says.

        Args:
            savepoint: The name of the point that a rollback goes back to; None for a reader.
        """

    @abstractmethod
    def bound(self, connection: Any) -> AbstractContextManager[None]:
        """Let blocking sessions use this connection until the block ends."""

    def write(self, transaction: Transaction) -> WriteSession:
        """A session whose statements run inside the transaction."""
        lent = self.for_unit(transaction)
        return WriteSession(self.async_connection(lent), sync_session_class=_UnitSession, lent=lent)

    def write_blocking(self, transaction: Transaction) -> BlockingWriteSession:
        """The same for a handler that runs whole as `transaction.run(work)`, inside `bound`."""
        lent = self.in_place("sa_blocking_session")
        return _UnitSession(Connection(self._engine, lent), lent=lent)

    def read(self) -> ReadSession:
        """A session that cannot write. Each statement sees what was committed when it began."""
        return ReadSession(self.async_connection(self.for_reader()), expire_on_commit=False)

    def read_blocking(self) -> BlockingReadSession:
        """The same for a handler that runs whole as `store.read(work)`, inside `bound`; all statements see the same."""
        lent = self.in_place()
        return _ReaderSession(Connection(self._engine, lent), lent=lent)

    def async_connection(self, lent: LentConnection) -> AsyncConnection:
        """A connection for sessions that are awaited."""
        return AsyncConnection(self._async_engine, Connection(self._engine, lent))


def _no_connection() -> NoReturn:
    raise StoreUnavailable("the session was interrupted, and its unit of work with it")
