"""The store in one SQLite file, the embedded default: one thread that writes, several that read.

Applications get it from their settings, or make one; nothing else of this folder is for them.
"""

import asyncio
import sqlite3
import weakref
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, final, get_args

from twofold.drivers.sqlite._audit import SqliteAudit
from twofold.drivers.sqlite._checkpoints import SqliteCheckpoints
from twofold.drivers.sqlite._closings import close, closing_of
from twofold.drivers.sqlite._entries import audit_row
from twofold.drivers.sqlite._epoch import begin_epoch, join_epoch
from twofold.drivers.sqlite._faults import typed
from twofold.drivers.sqlite._guard import GuardedConnection
from twofold.drivers.sqlite._held import SqliteTransaction
from twofold.drivers.sqlite._log import SqliteLog, read_from_snapshot
from twofold.drivers.sqlite._open import Database, Durability
from twofold.drivers.sqlite._parked import SqliteParked
from twofold.drivers.sqlite._readers import Readers
from twofold.drivers.sqlite._rearrange import rearrange
from twofold.drivers.sqlite._replies import find, find_received
from twofold.drivers.sqlite._schema import upgrade_sql
from twofold.drivers.sqlite._snapshots import find_snapshot
from twofold.drivers.sqlite._tables import add_tables
from twofold.drivers.sqlite._write import Plan
from twofold.drivers.sqlite._writer import Writer
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
_CLOSED = "the store is closed"
_READ_ONLY = "the store is open for reading only"


@final
class SqliteStore:
    """A `Store` in one SQLite file; several processes may open it at the same time.

    Args:
        path: The file; it is made when missing, its folder is not.
        durability: `"full"`: a commit is on the disk before it is acknowledged. `"normal"`: faster, and a power cut may
            lose the last commits, each of them whole.
        turn_timeout: How long a transaction may be held open, in seconds.
        busy_timeout: How long to wait for another process that writes, in seconds.
        readers: How many threads read, at most.
        read_only: Whether it only reads, and the database refuses every write; another process makes the file.
        migrate: Whether `start` makes and upgrades the store's own tables; otherwise it refuses those that are behind,
            and `twofold db upgrade` is for that.

    Raises:
        WiringError: A setting is out of its range.

    Example:
        >>> store = SqliteStore("shop.db")
    """

    __slots__ = (
        "__weakref__",
        "_audit",
        "_bell",
        "_checkpoints",
        "_database",
        "_log",
        "_parked",
        "_read_only",
        "_readers",
        "_reading",
        "_started",
        "_turn_timeout",
        "_writer",
    )

    def __init__(
        self,
        path: Path | str,
        *,
        durability: Durability = "full",
        turn_timeout: float = 5.0,
        busy_timeout: float = 5.0,
        readers: int = 4,
        read_only: bool = False,
        migrate: bool = True,
    ) -> None:
        if str(path) in ("", ":memory:"):
            raise WiringError("a SQLite store needs a file: use MemoryStore, or a file in a temporary folder")
        if durability not in get_args(Durability) or readers < 1:
            raise WiringError(f"a SQLite store cannot have durability={durability!r}, readers={readers!r}")
        self._database = database = Database(
            path=Path(path), durability=durability, busy_timeout=busy_timeout, migrate=migrate
        )
        self._read_only = read_only
        self._reading = readers
        self._turn_timeout = turn_timeout
        self._started = False
        self._bell = Bell()
        self._readers = Readers(database, readers)
        opening = database.open_in_place_of_writer if read_only else database.open_writer
        self._writer = Writer(opening, self._bell, self._readers.join, _READ_ONLY if read_only else None)
        self._log = SqliteLog(self._readers)
        self._checkpoints = SqliteCheckpoints(self._readers, self._writer)
        self._parked = SqliteParked(self._readers, self._writer)
        self._audit = SqliteAudit(self._readers, self._writer)
        weakref.finalize(self, _close, self._writer, self._readers)

    @property
    def durability(self) -> Durability:
        """Whether commits wait for the disk."""
        return self._database.durability

    @property
    def log(self) -> SqliteLog:
        """The log, for readers."""
        return self._log

    @property
    def wakeup(self) -> Bell:
        """Tells followers in this process at once; those in others find out when their time is over."""
        return self._bell

    @property
    def checkpoints(self) -> SqliteCheckpoints:
        """Where followers of a log stand."""
        return self._checkpoints

    @property
    def queues(self) -> dict[str, int]:
        """How much waits for the writer, and for the threads that read."""
        return {"writer": self._writer.waiting, "readers": self._readers.waiting}

    @property
    def parked(self) -> SqliteParked:
        """What followers have put aside."""
        return self._parked

    @property
    def audit(self) -> SqliteAudit:
        """What commands have left in the audit trail."""
        return self._audit

    def read_only(self) -> "SqliteStore":
        """The same store, not started, for a process that only reads."""
        database = self._database
        return SqliteStore(
            database.path,
            durability=database.durability,
            turn_timeout=self._turn_timeout,
            busy_timeout=database.busy_timeout,
            readers=self._reading,
            read_only=True,
            migrate=database.migrate,
        )

    @property
    def migrates(self) -> bool:
        """Whether `start` upgrades the store's own tables."""
        return self._database.migrate and not self._read_only

    async def schema(self) -> SchemaState:
        """How far the store's own tables are; changes nothing, and makes no file.

        Raises:
            StoreUnavailable: The file cannot be opened.
        """
        return await _in_thread(self._database.state)

    async def upgrade(self) -> SchemaState:
        """Bring the store's own tables up to date, and tell how far they were; harmless when they are.

        Raises:
            StoreUnavailable: The file cannot be opened, or another process writes for too long.
            WiringError: A newer twofold made them, or the store is for reading only.
        """
        if self._read_only:
            raise WiringError(_READ_ONLY)
        return await _in_thread(self._database.upgrade)

    def upgrade_sql(self, since: int = 0) -> str:
        """What `upgrade` runs on a file that has taken so many steps; empty when that is all of them.

        Raises:
            WiringError: There is no such step.
        """
        return upgrade_sql(since)

    async def start(self) -> None:
        """Open the file; creates or upgrades its tables, if it may. Harmless when open.

        Raises:
            StoreUnavailable: It cannot be opened.
            WiringError: A newer twofold made it; or it is behind, with `migrate=False`.
        """
        if not self._started:
            await self._writer.start()
            self._readers.start()
            self._started = True

    async def stop(self) -> None:
        """Finish what was begun, and close; harmless when closed."""
        _close(self._writer, self._readers)
        await asyncio.to_thread(self._writer.join)
        self._started = False

    async def commit(self, batch: Batch) -> Committed:
        """Write a whole batch in one transaction of its own, which it may share with others that wait.

        Row changes that break a constraint of their table raise `sqlite3.IntegrityError`; nothing is written.

        Raises:
            VersionConflict: A stream is not where an append expects it; nothing was written.
            CheckpointMoved: A checkpoint is not where a move expects it; nothing was written.
            ConditionFailed: The log holds what a condition excludes; nothing was written.
            AlreadyReceived: A message of another service was dealt with before; nothing was written.
            StreamClosed: A stream is closed for good; nothing was written.
            StoreUnavailable: The store is closed or refuses writes; nothing was written.
            OutcomeUnknown: The disk failed under the commit; the store writes no more.
        """
        return await self._writer.commit(Plan(batch))

    async def read(self, work: Callable[[GuardedConnection], T]) -> T:
        """Run a function with a read-only connection, over one snapshot; it must not return a cursor."""
        return await self._readers.run_of_user(work)

    async def read_statement(self, work: Callable[[GuardedConnection], T]) -> T:
        """Run a function that executes one statement with a read-only connection; it must not return a cursor."""
        return await self._readers.run_statement(work)

    async def find_reply(self, key: bytes, now: datetime) -> Reply | None:
        """The reply to a key that has not expired, or None."""
        return await self._readers.run(lambda connection: find(connection, key, now))

    async def find_received(self, keys: Collection[bytes]) -> Collection[bytes]:
        """Which messages of other services were dealt with."""
        return await self._readers.run(lambda connection: find_received(connection, keys))

    async def find_snapshot(self, stream: str) -> Snapshot | None:
        """The newest snapshot of a stream, or None."""
        return await self._readers.run(lambda connection: find_snapshot(connection, stream))

    async def read_from_snapshot(self, stream: str, *, limit: int) -> tuple[Snapshot | None, Sequence[Recorded]]:
        """The same, and the events of the stream from the one on that it is of; in one go."""
        return await self._readers.run(lambda connection: read_from_snapshot(connection, stream, limit))

    def begin(self) -> SqliteTransaction:
        """A transaction to hold open; takes nothing until its first `run`."""
        return SqliteTransaction(self._writer, self._turn_timeout)

    async def create_tables(self, tables: Collection[Any]) -> None:
        """Create the tables of read models and state that are missing, with their indexes."""

        def unit(connection: GuardedConnection) -> Committed:
            add_tables(connection, tables)
            return Committed()

        await self._writer.run(unit)

    async def rearrange(self, change: Rearrangement) -> None:
        """Let tables and checkpoints come, go and change their names, in one transaction.

        Raises:
            CheckpointMoved: A checkpoint is not as it must be; nothing was changed.
            ConditionFailed: More is left of the log than may be; nothing was changed.
            WiringError: A table that is to be renamed is referred to from outside; nothing was changed.
        """
        await self._writer.change(lambda connection: rearrange(connection, change))

    async def close_stream(self, closing: Closing, entry: AuditEntry) -> None:
        """Take a stream's events away for good, with what hangs on them, and add the entry that tells of it.

        Raises:
            VersionConflict: The stream is not at that version; nothing was changed.
            StreamClosed: It was closed before.
            StoreUnavailable: The store is closed or refuses writes; nothing was changed.
        """
        row = audit_row(entry)
        await self._writer.change(lambda connection: close(connection, closing, row))

    async def find_closing(self, stream: str) -> Closing | None:
        """How a stream was closed; None for one that was not."""
        return await self._readers.run(lambda connection: closing_of(connection, stream))

    async def begin_epoch(self, seen: int) -> Epoch:
        """Give the log a new epoch, behind all that anybody may have seen; the checkpoints with it, in one transaction.

        Raises:
            StoreUnavailable: The store is closed or refuses writes; nothing was changed.
        """
        return await self._writer.change(lambda connection: begin_epoch(connection, seen))

    async def join_epoch(self, epoch: Epoch) -> None:
        """Let the checkpoints follow the new epoch of a log in another store.

        Raises:
            StoreUnavailable: The store is closed or refuses writes; nothing was changed.
        """
        await self._writer.change(lambda connection: join_epoch(connection, epoch))


async def _in_thread(work: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(work)
    except sqlite3.Error as error:
        raise typed(error) from error.__cause__


def _close(writer: Writer, readers: Readers) -> None:
    readers.close(_CLOSED)
    writer.close(_CLOSED)
