"""The store in one schema of a PostgreSQL database: connections that write, a few that read, one that listens.

Applications get it from their settings, or make one; nothing else of this folder is for them.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar, final

import asyncpg

from twofold.drivers.postgres._append import Calls, calls
from twofold.drivers.postgres._checkpoints import PostgresCheckpoints
from twofold.drivers.postgres._commits import Commits, persistently
from twofold.drivers.postgres._connection import Server
from twofold.drivers.postgres._held import PostgresTransaction
from twofold.drivers.postgres._listen import Ear
from twofold.drivers.postgres._log import PostgresLog
from twofold.drivers.postgres._names import Names
from twofold.drivers.postgres._parked import PostgresParked
from twofold.drivers.postgres._pool import Pool
from twofold.drivers.postgres._replicas import Replicas
from twofold.drivers.postgres._run import run
from twofold.drivers.postgres._schema import upgrade
from twofold.drivers.postgres._tables import add_tables
from twofold.errors import WiringError
from twofold.store import Batch, Bell, Committed

T = TypeVar("T")


class Reader(Protocol):
    """Runs a function with a read-only connection."""

    def __call__(self, work: Callable[[Any], T], /) -> Awaitable[T]: ...


@final
class PostgresStore:
    """A `Store` in a PostgreSQL database; any number of processes may open it at the same time.

    It works in the event loop that it was started in.

    Args:
        url: `postgresql://user:password@host/database`. With several hosts, `postgresql://one,two/database`, it finds
            the one that takes writes, also after that has changed.
        schema: The schema of its tables; it is made when missing.
        pool_size: How many connections write, at most.
        readers: How many connections read, at most.
        turn_timeout: How long a transaction may be held open, in seconds.
        commit_timeout: How long to wait for the answer to a commit that was sent, in seconds; half of that is how long
            it may wait for locks.
        acquire_timeout: How long to wait for a connection, in seconds.
        replicas: The addresses of streaming replicas, which `read` goes to outside of units of work; each has as many
            `readers`. One that is away or behind is passed over, and at last the primary is read.

    Raises:
        WiringError: A setting is out of its range.

    Example:
        >>> store = PostgresStore("postgresql://localhost/shop")
    """

    __slots__ = (
        "_bell",
        "_calls",
        "_checkpoints",
        "_commits",
        "_ear",
        "_log",
        "_names",
        "_parked",
        "_patience",
        "_readers",
        "_replicas",
        "_started",
        "_turn_timeout",
        "_writers",
    )

    def __init__(
        self,
        url: str,
        *,
        schema: str = "public",
        pool_size: int = 10,
        readers: int = 4,
        turn_timeout: float = 5.0,
        commit_timeout: float = 10.0,
        acquire_timeout: float = 5.0,
        replicas: Sequence[str] = (),
    ) -> None:
        if pool_size < 1 or readers < 1:
            raise WiringError(f"a PostgreSQL store cannot have pool_size={pool_size!r}, readers={readers!r}")
        server = Server(dsn=url, connect_timeout=acquire_timeout, lock_timeout=commit_timeout / 2)
        self._names = names = Names(schema)
        self._turn_timeout = turn_timeout
        self._patience = turn_timeout + commit_timeout
        self._started = False
        self._bell = Bell()
        self._ear = Ear(server, names, self._bell)
        self._writers = Pool(server.connect, pool_size, acquire_timeout)
        self._readers = Pool(server.connect, readers, acquire_timeout)
        followers = [replace(server, dsn=replica, connect_timeout=_REACH, writes=False) for replica in replicas]
        pools = [Pool(follower.connect, readers, acquire_timeout) for follower in followers]
        self._replicas = Replicas(pools, self._readers)
        self._commits = Commits(self._writers, server, names, timeout=commit_timeout, announce=self._ear.tell)
        self._calls: Calls = calls(names)
        self._log = PostgresLog(self._readers, names, self._bell)
        self._checkpoints = PostgresCheckpoints(self._readers, self._writers, names)
        self._parked = PostgresParked(self._readers, self._writers, names)

    @property
    def log(self) -> PostgresLog:
        """The log, for readers."""
        return self._log

    @property
    def wakeup(self) -> Bell:
        """Tells followers in this process at once, and those in others a moment later."""
        return self._bell

    @property
    def checkpoints(self) -> PostgresCheckpoints:
        """Where followers of a log stand."""
        return self._checkpoints

    @property
    def parked(self) -> PostgresParked:
        """What followers have put aside."""
        return self._parked

    async def start(self) -> None:
        """Connect; creates or upgrades the tables. Harmless when open.

        Raises:
            StoreUnavailable: The database cannot be reached.
            WiringError: A newer twofold made its tables.
        """
        if self._started:
            return
        self._writers.open()
        self._readers.open()
        self._replicas.open()
        try:
            async with self._writers.lent() as connection:
                await upgrade(connection, self._names)
            await self._log.head()
        except BaseException:
            await self._close()
            raise
        self._ear.open()
        self._started = True

    async def stop(self) -> None:
        """Finish what was begun, and close; harmless when closed."""
        self._started = False
        await self._close()

    async def commit(self, batch: Batch) -> Committed:
        """Write a whole batch in one transaction of its own: one round trip, unless it has row changes.

        Row changes that break a constraint of their table raise `asyncpg.IntegrityConstraintViolationError`; nothing is
        written. A batch that PostgreSQL gives up because of a deadlock is sent again.

        Raises:
            VersionConflict: A stream is not where an append expects it; nothing was written.
            CheckpointMoved: A checkpoint is not where a move expects it; nothing was written.
            ConditionFailed: The log holds what a condition excludes; nothing was written.
            Invalid: It has text that PostgreSQL cannot hold, such as a NUL; nothing was written.
            StoreUnavailable: The store is closed, or PostgreSQL is not there or refuses; nothing was written.
            OutcomeUnknown: The commit was sent, and neither its answer nor its events could be found.
        """
        if batch.rows:
            return await persistently(lambda: self.begin().commit(batch))
        call = self._calls.of(batch)
        return await persistently(lambda: self._commits.commit(call))

    async def read(self, work: Callable[[Any], T]) -> T:
        """Run a function with a read-only connection, over one snapshot; what it returns is awaited if it can be."""
        return await self.reader()(work)

    def reader(self) -> Reader:
        """What reads like `read`, again and again from where it has read first, for as long as that can be."""
        pool: Pool | None = None

        async def read(work: Callable[[Any], T]) -> T:
            nonlocal pool
            pool, taken = await self._replicas.take(pool)
            async with pool.lent(taken) as connection:
                await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                try:
                    done: T = await run(work, connection)
                except asyncpg.ReadOnlySQLTransactionError as error:
                    raise WiringError("a function that was given to read tried to write") from error
                await connection.execute("ROLLBACK")
                return done

        return read

    @property
    def replicated(self) -> bool:
        """Whether `read` goes to replicas, which may be behind."""
        return bool(self._replicas)

    async def catch_up(self, wait: float) -> None:
        """Have this task read what the primary has now: a replica that has it within `wait` seconds, else the primary.

        Raises:
            StoreUnavailable: The primary is not there.
        """
        await self._replicas.require(wait)

    def begin(self) -> PostgresTransaction:
        """A transaction to hold open; takes nothing until its first `run`."""
        return PostgresTransaction(self._commits, self._calls, self._turn_timeout)

    async def create_tables(self, tables: Collection[Any]) -> None:
        """Create the tables of read models and state that are missing."""
        transaction = self.begin()
        try:
            _: object = await transaction.run(lambda connection: add_tables(connection, tables))
            await transaction.commit(Batch())
        finally:
            await transaction.rollback()

    async def _close(self) -> None:
        await self._ear.close()
        await self._writers.close(_CLOSED, self._patience)
        await self._readers.close(_CLOSED, self._patience)
        await self._replicas.close(_CLOSED, self._patience)


_CLOSED = "the store is closed"
_REACH = 1.0  # a replica that takes longer to answer is passed over: there is another one, or the primary
