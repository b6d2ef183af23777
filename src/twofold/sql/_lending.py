"""What the sessions of all drivers have in common: they work with a connection that the store lends them."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Any, NoReturn

from sqlalchemy import Connection, Dialect, Engine, NullPool, event, inspect, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.orm import Session

from twofold.errors import StoreUnavailable
from twofold.messages import sees_every_tenant
from twofold.sql._lent import LentConnection, ReadingConnection
from twofold.sql._looking import QuerySession, ShortWay
from twofold.sql._one_tenant import TenantConnection, guarding
from twofold.sql._sessions import BlockingReadSession, BlockingWriteSession, ReadSession, WriteSession
from twofold.sql._tenant_id import own_tenant, tenant_column_of
from twofold.store import Transaction


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
        dialect: What its database speaks.
        twin: Another one like it, to guard the rows of tenants.
    """

    def __init__(self, dialect: Dialect, twin: Dialect) -> None:
        # An engine without connections of its own; it keeps what the sessions of the store have compiled.
        url = make_url(f"{dialect.name}+twofold://")
        self._engine = Engine(NullPool(_no_connection), dialect, url, hide_parameters=True)  # errors end up in logs
        self._async_engine = AsyncEngine(self._engine)
        self._guarded = guarding(twin)
        self._short_way = ShortWay(self._engine, self._guarded)

    @property
    def dialect(self) -> Dialect:
        """What SQLAlchemy knows of the database."""
        return self._engine.dialect

    @abstractmethod
    def for_unit(self, transaction: Transaction) -> LentConnection:
        """The connection of a transaction, from the event loop."""

    @abstractmethod
    def for_reader(self) -> ReadingConnection:
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
        return WriteSession(self._async_connection(lent), sync_session_class=_UnitSession, lent=lent)

    def write_blocking(self, transaction: Transaction) -> BlockingWriteSession:
        """The same for a handler that runs whole as `transaction.run(work)`, inside `bound`."""
        lent = self.in_place("sa_blocking_session")
        return _UnitSession(self._connection(lent), lent=lent)

    def read(self) -> ReadSession:
        """A session that cannot write. Each statement sees what was committed when it began."""
        return QuerySession(self._short_way, self.for_reader(), self._async_connection)

    def read_blocking(self) -> BlockingReadSession:
        """The same for a handler that runs whole as `store.read(work)`, inside `bound`; all statements see the same."""
        lent = self.in_place()
        return _ReaderSession(self._connection(lent), lent=lent)

    def _async_connection(self, lent: LentConnection) -> AsyncConnection:
        return AsyncConnection(self._async_engine, self._connection(lent))

    def _connection(self, lent: LentConnection) -> Connection:
        return TenantConnection(self._engine, lent, self._guarded)


@event.listens_for(_UnitSession, "transient_to_pending")
def _own_from_now_on(_: Session, instance: Any) -> None:
    # It may be sent when a message of another tenant is handled in the same unit: that is refused, not misplaced.
    mapper: Any = inspect(instance).mapper
    table: Any = mapper.local_table
    column = tenant_column_of(table) if hasattr(table, "primary_key") else None
    if column is not None and not sees_every_tenant():
        name = mapper.get_property_by_column(column).key
        if getattr(instance, name) is None:
            setattr(instance, name, own_tenant())


def _no_connection() -> NoReturn:
    raise StoreUnavailable("the session was interrupted, and its unit of work with it")
