"""The transaction that a unit of work holds open when it runs SQL of its own."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar, final

from twofold.drivers.postgres._append import Calls
from twofold.drivers.postgres._commits import Commits
from twofold.drivers.postgres._connection import Connection
from twofold.drivers.postgres._faults import is_lost, raise_typed
from twofold.drivers.postgres._names import Names
from twofold.drivers.postgres._replies import claim
from twofold.drivers.postgres._row_security import beginning, show
from twofold.drivers.postgres._run import run
from twofold.drivers.postgres._tables import change_rows
from twofold.errors import StoreUnavailable
from twofold.store import ENDED, Batch, Committed, Reply, RowChange, carried_through, held_too_long

T = TypeVar("T")


@final
class PostgresTransaction:
    """A transaction that takes a connection at its first `run`, and holds it until it ends.

    Args:
        commits: Who commits it, and lends the connection.
        calls: What makes calls of batches.
        names: What is called how.
        turn_timeout: How long it may be held, in seconds.
    """

    __slots__ = (
        "_alarm",
        "_calls",
        "_commits",
        "_connection",
        "_ended",
        "_names",
        "_one_at_a_time",
        "_turn_timeout",
        "_until",
    )

    def __init__(self, commits: Commits, calls: Calls, names: Names, turn_timeout: float) -> None:
        self._commits = commits
        self._calls = calls
        self._names = names
        self._turn_timeout = turn_timeout
        self._connection: Connection | None = None
        self._ended: str | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._until = 0.0
        self._one_at_a_time = asyncio.Lock()

    @property
    def begun(self) -> bool:
        """Whether it has taken a connection."""
        return self._connection is not None or self._ended is not None

    async def run(self, work: Callable[[Any], T]) -> T:
        """Run a function with the connection, inside the transaction; what it returns is awaited if it can be.

        Its errors leave the transaction open. After an error of PostgreSQL's only a rollback to a savepoint, or the
        end, is of use.

        Raises:
            StoreUnavailable: The transaction was held longer than the store allows, or has ended.
        """
        done: T = await self._run(work)
        return done

    async def change(self, rows: Sequence[RowChange]) -> None:
        """Change rows of read models now, with as few statements as at the end of a unit of work.

        Raises:
            StoreUnavailable: The transaction was held longer than the store allows, or has ended.
        """

        async def change(connection: Connection) -> None:
            await change_rows(connection, rows)
            await show(connection)

        await self._run(change, every=True)

    async def claim(self, key: bytes, now: datetime, wait: float) -> Reply | None:
        """Have a key to oneself until the transaction ends, unless there is a reply to it that has not expired.

        Waiting for another transaction takes half of the time at most that this one may be held.

        Raises:
            KeyInFlight: Another transaction has it, and kept it for longer than that.
            StoreUnavailable: The transaction was held longer than the store allows, or has ended.
        """
        patience = min(wait, self._turn_timeout / 2)
        found: Reply | None = await self._run(lambda connection: claim(connection, self._names, key, now, patience))
        return found

    async def mark(self) -> None:
        """Remember how far the transaction is."""
        await self._run(lambda connection: connection.execute("SAVEPOINT twofold_mark"))

    async def revert(self) -> None:
        """Undo what has run since the mark; the transaction goes on."""

        async def revert(connection: Connection) -> None:
            connection.shows = ""
            await connection.execute("ROLLBACK TO SAVEPOINT twofold_mark")

        await self._run(revert)

    async def commit(self, batch: Batch) -> Committed:
        """Write the batch and commit. Once the last call is sent it is carried through, whatever becomes of the caller.

        Raises:
            VersionConflict: A stream is not where an append expects it; everything is rolled back.
            StoreUnavailable: The transaction was held longer than the store allows, or has ended.
            OutcomeUnknown: The commit was sent, and its end cannot be found out.
        """
        call = self._calls.of(batch)
        if batch.rows:
            try:
                await self._run(lambda connection: change_rows(connection, batch.rows), every=True)
            except BaseException:
                await self.rollback()
                raise
        async with self._one_at_a_time:
            if self._connection is not None:
                return await self._commits.finish(self._let_go(ENDED), call)
            if self._ended is not None:
                raise StoreUnavailable(self._ended)
            self._ended = ENDED
        return await self._commits.commit(call)

    async def rollback(self) -> None:
        """Undo everything and give the connection back; harmless when nothing was begun or it has ended."""
        if self._connection is not None:
            await carried_through(self._roll_back(self._let_go(ENDED)))
        elif self._ended is None:
            self._ended = ENDED

    async def _run(self, work: Callable[[Any], Any], *, every: bool = False) -> Any:
        async with self._one_at_a_time:
            connection = self._connection or await self._begin(every=every)
            if asyncio.get_running_loop().time() > self._until:  # a busy loop is late with its alarms
                self._expire()
                raise StoreUnavailable(self._ended)
            try:
                return await run(work, connection)
            except Exception as error:
                if self._connection is None:
                    raise StoreUnavailable(self._ended) from error
                if is_lost(error) and connection.is_closed():
                    self._end("the connection was lost, and the transaction with it")
                raise_typed(error)

    async def _begin(self, *, every: bool) -> Connection:
        if self._ended is not None:
            raise StoreUnavailable(self._ended)
        self._ended = "the transaction could not begin"
        pool = self._commits.pool
        connection = await pool.take()
        try:
            statement = beginning(connection, self._beginning(connection), every=every)
            await connection.execute(statement, timeout=self._turn_timeout)
        except Exception as error:  # noqa: BLE001  # it is raised again
            pool.give(connection, clean=False)
            raise_typed(error)
        except BaseException:
            pool.give(connection, clean=False)
            raise
        self._connection, self._ended = connection, None
        loop = asyncio.get_running_loop()
        self._until = loop.time() + self._turn_timeout
        self._alarm = loop.call_at(self._until, self._expire)
        return connection

    def _beginning(self, connection: Connection) -> str:
        # The alarm here is what ends it in time. The server's own is for a process that is frozen, and comes later.
        limit = round(2000 * self._turn_timeout)
        setting = "transaction_timeout" if connection.get_server_version() >= _KNOWS_TRANSACTION_TIMEOUT else _IDLE
        return f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL {setting} = {limit}"

    def _expire(self) -> None:
        self._end(held_too_long(self._turn_timeout))

    def _end(self, reason: str) -> None:
        connection = self._let_go(reason)
        connection.terminate()
        self._commits.pool.give(connection, clean=False)

    def _let_go(self, reason: str) -> Connection:
        connection = self._connection
        if connection is None:
            raise StoreUnavailable(self._ended)
        if self._alarm is not None:
            self._alarm.cancel()
        self._connection, self._alarm, self._ended = None, None, reason
        return connection

    async def _roll_back(self, connection: Connection) -> None:
        clean = False
        try:
            await connection.execute("ROLLBACK", timeout=_PATIENCE)
            clean = True
        except Exception:  # noqa: BLE001  # the connection is closed, and the server rolls back by itself
            connection.terminate()
        finally:
            self._commits.pool.give(connection, clean=clean)


_PATIENCE: Final = 5.0
_KNOWS_TRANSACTION_TIMEOUT: Final = (17,)
_IDLE: Final = "idle_in_transaction_session_timeout"
