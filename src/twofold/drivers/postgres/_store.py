"""The store in one schema of a PostgreSQL database: connections that write, a few that read, one that listens.

Applications get it from their settings, or make one; nothing else of this folder is for them.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar, final

from twofold.drivers.postgres._append import Calls, calls
from twofold.drivers.postgres._audit import PostgresAudit
from twofold.drivers.postgres._checkpoints import PostgresCheckpoints
from twofold.drivers.postgres._closings import PostgresClosings
from twofold.drivers.postgres._commits import Commits, persistently
from twofold.drivers.postgres._connection import Server
from twofold.drivers.postgres._epoch import begin_epoch, join_epoch
from twofold.drivers.postgres._fetch import Fetch
from twofold.drivers.postgres._held import PostgresTransaction
from twofold.drivers.postgres._listen import Ear
from twofold.drivers.postgres._log import PostgresLog
from twofold.drivers.postgres._names import Names
from twofold.drivers.postgres._ordering import Ordering, prove_ordering
from twofold.drivers.postgres._parked import PostgresParked
from twofold.drivers.postgres._place import opening, place_of
from twofold.drivers.postgres._pool import Pool
from twofold.drivers.postgres._reader import Reader
from twofold.drivers.postgres._rearrange import patiently, rearrange, users_of
from twofold.drivers.postgres._replicas import Replicas
from twofold.drivers.postgres._replies import find, find_received
from twofold.drivers.postgres._snapshots import find_snapshot, read_from_snapshot
from twofold.drivers.postgres._tables import add_tables
from twofold.drivers.postgres._upkeep import Upkeep
from twofold.errors import WiringError
from twofold.store import (
    AuditEntry,
    Batch,
    Bell,
    Closing,
    Committed,
    Epoch,
    Rearrangement,
    Recorded,
    Reply,
    SchemaState,
    Snapshot,
)

T = TypeVar("T")
_PUBLIC = "public"
_NOT_OPEN = "the store is not open"
_CLOSED = "the store is closed"
_READ_ONLY = "the store is open for reading only"


@final
class PostgresStore:
    """A `Store` in a PostgreSQL database; any number of processes may open it at the same time.

    It works in the event loop that it was started in.

    Args:
        url: `postgresql://user:password@host/database`. With several hosts, `postgresql://one,two/database`, it finds
            the one that takes writes, also after that has changed.
        schema: The schema of its tables, and of those of read models unless the URL has a `search_path`, whose first
            schema it is then; it is made when missing.
        pool_size: How many connections write, at most.
        readers: How many connections read, at most.
        turn_timeout: How long a transaction may be held open, in seconds.
        commit_timeout: How long to wait for the answer to a commit that was sent, in seconds; half of that is how long
            it may wait for locks.
        acquire_timeout: How long to wait for a connection, in seconds.
        read_timeout: How long to wait for the answer to a statement that reads, in seconds, and to one about where
            followers of the log stand; then its connection is given up.
        waiting: How many may wait for a connection that writes, and as many for one that reads; more are refused at
            once.
        ordering: `strict` has commits become visible in the order of their positions, for readers of other origin, and
            writers wait for each other; `floor`, that of a new log, does not. The database keeps it: `start` gives it
            to a new one and refuses another one, and `upgrade` changes it. None is for whatever it has.
        replicas: The addresses of streaming replicas, which `read` goes to outside of units of work; each has as many
            `readers`. One that is away or behind is passed over, and at last the primary is read.
        row_security: Whether the database itself keeps the rows of tenants apart: tables with a `TenantId` get a policy
            when they are created, and every transaction says whose rows it is about.
        migrate: Whether `start` makes and upgrades the store's own tables; otherwise it refuses those that are behind,
            and `twofold db upgrade` is for that.
        read_only: Whether it only reads, and the database refuses every write; another process makes the tables.

    Raises:
        WiringError: A setting is out of its range.

    Example:
        >>> store = PostgresStore("postgresql://localhost/shop")
    """

    __slots__ = (
        "_audit",
        "_bell",
        "_calls",
        "_checkpoints",
        "_closings",
        "_commits",
        "_ear",
        "_fetch",
        "_log",
        "_names",
        "_parked",
        "_patience",
        "_read_only",
        "_readers",
        "_reading",
        "_replicas",
        "_server",
        "_started",
        "_turn_timeout",
        "_upkeep",
        "_writers",
    )

    def __init__(
        self,
        url: str,
        *,
        schema: str = _PUBLIC,
        pool_size: int = 10,
        readers: int = 4,
        turn_timeout: float = 5.0,
        commit_timeout: float = 10.0,
        acquire_timeout: float = 5.0,
        read_timeout: float = 30.0,
        waiting: int = 1000,
        ordering: Ordering | None = None,
        replicas: Sequence[str] = (),
        row_security: bool = False,
        migrate: bool = True,
        read_only: bool = False,
    ) -> None:
        if pool_size < 1 or readers < 1 or waiting < 0:
            raise WiringError(
                f"a PostgreSQL store cannot have pool_size={pool_size!r}, readers={readers!r}, waiting={waiting!r}"
            )
        prove_ordering(ordering)
        self._names = names = Names(schema)
        self._server = server = Server(
            dsn=url,
            connect_timeout=acquire_timeout,
            lock_timeout=commit_timeout / 2,
            read_timeout=read_timeout,
            search_path=None if schema == _PUBLIC else f"{names.quoted}, {_PUBLIC}",
            row_security=row_security,
        )
        self._read_only = read_only
        self._reading = partial(
            PostgresStore,
            url,
            schema=schema,
            readers=readers,
            turn_timeout=turn_timeout,
            commit_timeout=commit_timeout,
            acquire_timeout=acquire_timeout,
            read_timeout=read_timeout,
            waiting=waiting,
            ordering=ordering,
            replicas=replicas,
            row_security=row_security,
            read_only=True,
        )
        self._turn_timeout = turn_timeout
        self._patience = patience = turn_timeout + commit_timeout
        self._upkeep = Upkeep(server, names, ordering, migrates=migrate, read_only=read_only, patience=patience)
        self._started = False
        self._bell = Bell()
        self._ear = Ear(server.connect_reader if read_only else server.connect, names, self._bell)
        closed = _READ_ONLY if read_only else _NOT_OPEN
        self._writers = Pool(server.connect, pool_size, acquire_timeout, closed, waiting)
        self._readers = Pool(server.connect_reader, readers, acquire_timeout, _NOT_OPEN, waiting)
        pools: list[tuple[Pool, str]] = []
        for number, replica in enumerate(replicas, 1):
            follower = replace(server, dsn=replica, connect_timeout=_REACH)
            pool = Pool(follower.connect_replica, readers, acquire_timeout, _NOT_OPEN, waiting)
            pools.append((pool, place_of(replica) or f"number {number}"))
        self._replicas = Replicas(pools, self._readers)
        self._commits = Commits(self._writers, server, names, timeout=commit_timeout, announce=self._ear.tell)
        self._calls: Calls = calls(names)
        self._log = PostgresLog(self._readers, names, self._bell, 2 * turn_timeout)
        self._fetch = fetch = Fetch(self._readers, self._writers, names, read_timeout)
        self._checkpoints = PostgresCheckpoints(fetch)
        self._parked = PostgresParked(fetch)
        self._audit = PostgresAudit(fetch)
        self._closings = PostgresClosings(fetch)

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
    def queues(self) -> dict[str, int]:
        """How many wait for a connection that writes, or one that reads; appends that are sent together are one."""
        return {"writer": self._writers.waiting, "readers": self._readers.waiting}

    @property
    def parked(self) -> PostgresParked:
        """What followers have put aside."""
        return self._parked

    @property
    def audit(self) -> PostgresAudit:
        """What commands have left in the audit trail."""
        return self._audit

    def read_only(self) -> "PostgresStore":
        """The same store, not started, for a process that only reads."""
        return self._reading()

    async def start(self) -> None:
        """Connect; creates or upgrades the tables, if it may. Harmless when open.

        Raises:
            StoreUnavailable: The database cannot be reached; or it is open for reading only, and has no tables yet.
            WiringError: A newer twofold made its tables; or they are behind, with `migrate=False`; or something in the
                database would have readers miss events.
        """
        if self._started:
            return
        if not self._read_only:
            self._writers.open()
        self._readers.open()
        self._replicas.open()
        try:
            with opening(self._server.dsn):
                await self._find_all_well()
        except BaseException:
            await self._close()
            raise
        self._ear.open()
        self._started = True

    @property
    def migrates(self) -> bool:
        """Whether `start` upgrades the store's own tables."""
        return self._upkeep.migrates

    async def schema(self) -> SchemaState:
        """How far the store's own tables are; changes nothing.

        Raises:
            StoreUnavailable: The database cannot be reached.
        """
        return await self._upkeep.state()

    async def upgrade(self) -> SchemaState:
        """Bring the store's own tables up to date, and tell how far they were; harmless when they are.

        A log that has another `ordering` than this store gets that of this store, for all processes.

        Raises:
            StoreUnavailable: The database cannot be reached.
            WiringError: A newer twofold made them.
        """
        return await self._upkeep.upgrade()

    def upgrade_sql(self, since: int = 0) -> str:
        """What `upgrade` runs on a schema that has taken so many steps; empty when that is all of them.

        Raises:
            WiringError: There is no such step.
        """
        return self._upkeep.sql(since)

    async def _find_all_well(self) -> None:
        if not self._read_only:
            async with self._writers.lent() as connection:
                await self._upkeep.prepare(connection)
        async with self._readers.lent() as connection:
            await self._upkeep.prove(connection)
        await self._log.head()

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
            AlreadyReceived: A message of another service was dealt with before; nothing was written.
            StreamClosed: A stream is closed for good; nothing was written.
            Invalid: It has text that PostgreSQL cannot hold, such as a NUL; nothing was written.
            StoreUnavailable: The store is closed, or PostgreSQL is not there or refuses; nothing was written.
            OutcomeUnknown: The commit was sent, and neither its answer nor its events could be found.
        """
        if batch.rows:
            return await persistently(lambda: self.begin().commit(batch))
        call = self._calls.of(batch)
        return await persistently(lambda: self._commits.commit(call))

    async def read(self, work: Callable[[Any], T]) -> T:
        """Run a function with a read-only connection, over one snapshot; what it returns is awaited if it can be.

        It is run again when a table has other columns than the connection remembers.
        """
        return await self.reader().read(work)

    async def read_statement(self, work: Callable[[Any], T]) -> T:
        """Run a function that executes one query with a read-only connection, in one round trip.

        The query must not set anything that would be left to whoever has the connection next, nor be a procedure, which
        could end its transaction.
        """
        return await self.reader().read_statement(work)

    def reader(self) -> Reader:
        """What reads like these two, again and again from where it has read first, for as long as that can be."""
        return Reader(self._replicas)

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

    async def find_reply(self, key: bytes, now: datetime) -> Reply | None:
        """The reply to a key that has not expired, or None; on the primary."""
        return await find(self._fetch, key, now)

    async def find_received(self, keys: Collection[bytes]) -> Collection[bytes]:
        """Which messages of other services were dealt with; on a connection that reads the primary."""
        return await find_received(self._fetch, keys)

    async def find_snapshot(self, stream: str) -> Snapshot | None:
        """The newest snapshot of a stream, or None; on the primary."""
        return await find_snapshot(self._fetch, stream)

    async def read_from_snapshot(self, stream: str, *, limit: int) -> tuple[Snapshot | None, Sequence[Recorded]]:
        """The same, and the events of the stream from the one on that it is of; in one round trip, on the primary."""
        return await read_from_snapshot(self._fetch, stream, limit)

    def begin(self) -> PostgresTransaction:
        """A transaction to hold open; takes nothing until its first `run`."""
        return PostgresTransaction(self._commits, self._calls, self._names, self._turn_timeout)

    async def create_tables(self, tables: Collection[Any]) -> None:
        """Create the tables of read models and state that are missing, with their indexes.

        One that was declared without a schema belongs in that of the store, or in the first of a `search_path`.

        Raises:
            FaultError: One is missing there, and found in a schema that is no other application's.
        """
        await self._in_transaction(lambda connection: add_tables(connection, tables, self._names))

    async def rearrange(self, change: Rearrangement) -> None:
        """Let tables and checkpoints come, go and change their names, in one transaction.

        It waits a moment for those who use the tables, and then lets those pass who wait behind it, and tries again.

        Raises:
            CheckpointMoved: A checkpoint is not as it must be; nothing was changed.
            ConditionFailed: More is left of the log than may be; nothing was changed.
            StoreUnavailable: The tables were in use all the time; nothing was changed.
            WiringError: A table that is to be renamed is used from outside; nothing was changed.
        """
        await patiently(
            lambda: persistently(lambda: self._rearrange(change)),
            lambda: self._in_transaction(lambda connection: users_of(connection, change)),
        )

    async def close_stream(self, closing: Closing, entry: AuditEntry) -> None:
        """Take a stream's events away for good, with what hangs on them, and add the entry that tells of it.

        Raises:
            VersionConflict: The stream is not at that version; nothing was changed.
            StreamClosed: It was closed before.
            Forbidden: The role of this address may not take events out of the log; nothing was changed.
            StoreUnavailable: The store is closed, or PostgreSQL is not there or refuses.
        """
        await persistently(lambda: self._closings.close(closing, entry))

    async def find_closing(self, stream: str) -> Closing | None:
        """How a stream was closed; None for one that was not."""
        return await self._closings.find(stream)

    async def begin_epoch(self, seen: int) -> Epoch:
        """Give the log a new epoch, behind all that anybody may have seen; the checkpoints with it, in one transaction.

        Raises:
            StoreUnavailable: The store is closed, or PostgreSQL is not there or refuses; nothing was changed.
        """
        epoch: Epoch = await self._in_transaction(lambda connection: begin_epoch(connection, seen, self._names))
        return epoch

    async def join_epoch(self, epoch: Epoch) -> None:
        """Let the checkpoints follow the new epoch of a log in another store.

        Raises:
            StoreUnavailable: The store is closed, or PostgreSQL is not there or refuses; nothing was changed.
        """
        await self._in_transaction(lambda connection: join_epoch(connection, epoch, self._names))

    async def _rearrange(self, change: Rearrangement) -> None:
        await self._in_transaction(lambda connection: rearrange(connection, change, self._names, self._calls))

    async def _in_transaction(self, work: Callable[[Any], Any]) -> Any:
        """Do something in a transaction that changes no log, and give what it returns."""
        transaction = self.begin()
        try:
            outcome: Any = await transaction.run(work)
            await transaction.commit(Batch())
        finally:
            await transaction.rollback()
        return outcome

    async def _close(self) -> None:
        await self._ear.close()
        await self._writers.close(_CLOSED, self._patience)
        await self._readers.close(_CLOSED, self._patience)
        await self._replicas.close(_CLOSED, self._patience)


_REACH = 1.0  # a replica that takes longer to answer is passed over: there is another one, or the primary
