"""A store's connection, lent to sessions: what SQLAlchemy sees of it, whichever database it speaks to.

Drivers build on it. Transactions belong to the store: nothing in here begins or ends one. What a session rolls back,
it rolls back to a point that the driver remembers.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import PoolProxiedConnection


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

    def _close_special(self, transaction_reset: bool = False) -> None:
        """Nothing. SQLAlchemy closes connections by it whose transaction has ended."""

    def invalidate(self, e: BaseException | None = None, soft: bool = False) -> None:
        """Nothing: the store knows best."""


class ReadingConnection(LentConnection):
    """A connection that reads, from the event loop."""

    @abstractmethod
    async def fetch(self, statement: str, parameters: Sequence[Any]) -> Sequence[Any] | None:
        """The rows of a SELECT, past any cursor.

        Args:
            statement: What to execute.
            parameters: Its values, in the order of the statement, as the driver takes them.

        Returns:
            The rows; None when that failed, or is to be done by a cursor, whose error says more.
        """


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
