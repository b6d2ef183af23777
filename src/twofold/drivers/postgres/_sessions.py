"""SQLAlchemy sessions over the connections of a PostgreSQL store.

The composition root makes one `PostgresSessions` for each store. An `AsyncSession` sends each statement through its
transaction; a `Session` is used inside a function that the store runs whole, in a greenlet of SQLAlchemy's.
"""

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any, TypeVar

from greenlet import getcurrent, greenlet
from sqlalchemy.util.concurrency import await_

from twofold.drivers.postgres._dialect import LoopConnection, LoopDialect, LoopReader, Reach
from twofold.drivers.postgres._store import PostgresStore
from twofold.errors import WiringError
from twofold.sql import LendingSessions
from twofold.store import Transaction

T = TypeVar("T")


class PostgresSessions(LendingSessions):
    """Makes the sessions of one PostgreSQL store; see `twofold.sql.Sessions`.

    Args:
        store: The store.
    """

    def __init__(self, store: PostgresStore) -> None:
        self._dialect = LoopDialect()
        super().__init__(self._dialect, LoopDialect())
        self._store = store
        self._here: dict[greenlet, Any] = {}

    def for_unit(self, transaction: Transaction) -> LoopConnection:
        """The connection of a transaction, from the event loop."""
        return LoopConnection(self._dialect, _from_loop(transaction.run), "sa_session", lambda: transaction.begun)

    def for_reader(self) -> LoopReader:
        """A connection that reads, from the event loop."""
        reader = self._store.reader()
        alone = reader.read_statement
        return LoopReader(self._dialect, _from_loop(reader.read), _from_loop(alone), alone)

    def in_place(self, savepoint: str | None = None) -> LoopConnection:
        """The connection that `bound` says, in this greenlet."""
        return LoopConnection(self._dialect, self._in_greenlet, savepoint, lasting=savepoint is None)

    @contextmanager
    def bound(self, connection: Any) -> Generator[None]:
        """Let blocking sessions use this connection, in this greenlet, until the block ends."""
        current = getcurrent()
        outer = self._here.get(current)
        self._here[current] = connection
        try:
            yield
        finally:
            if outer is None:
                del self._here[current]
            else:
                self._here[current] = outer

    def _in_greenlet(self, work: Callable[[Any], Awaitable[T]]) -> T:
        connection = self._here.get(getcurrent())
        if connection is None:
            raise WiringError("a blocking session works only in a plain `def` handler, while the store runs it")
        return await_(work(connection))


def _from_loop(run: Callable[[Any], Awaitable[Any]]) -> Reach:
    return lambda work: await_(run(work))
