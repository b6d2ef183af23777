"""The store in memory: for tests and small tools, and the reference that every other store is measured against.

It keeps the whole contract but two words: nothing survives the process, and there is no SQL.
"""

import threading
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, TypeVar, final

from twofold.errors import StoreUnavailable
from twofold.store._audit import AuditEntry
from twofold.store._batch import Batch, Committed
from twofold.store._bell import Bell
from twofold.store._closing import Closing
from twofold.store._ended import ENDED
from twofold.store._epoch import Epoch
from twofold.store._memory_audit import MemoryAudit
from twofold.store._memory_checkpoints import MemoryCheckpoints
from twofold.store._memory_log import MemoryLog
from twofold.store._memory_parked import MemoryParked
from twofold.store._memory_replies import MemoryReplies
from twofold.store._memory_tables import MemoryTables
from twofold.store._rearrangement import Rearrangement
from twofold.store._replies import Reply
from twofold.store._rows import RowChange
from twofold.store._snapshot import Snapshot

T = TypeVar("T")


@final
class MemoryStore:
    """A `Store` in the memory of this process; several event loops may use it.

    What `read` and `Transaction.run` give to a function is a `MemoryTables`, to look at rows of read models.

    Example:
        >>> store = MemoryStore()
    """

    __slots__ = (
        "_audit",
        "_checkpoints",
        "_lock",
        "_log",
        "_open",
        "_parked",
        "_replies",
        "_snapshots",
        "_tables",
        "_wakeup",
    )

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._log = MemoryLog()
        self._tables = MemoryTables()
        self._checkpoints = MemoryCheckpoints(self._lock)
        self._parked = MemoryParked(self._lock)
        self._replies = MemoryReplies(self._lock)
        self._snapshots: dict[str, Snapshot] = {}
        self._audit = MemoryAudit(self._lock)
        self._wakeup = Bell()
        self._open = False

    @property
    def log(self) -> MemoryLog:
        """The log, for readers."""
        return self._log

    @property
    def wakeup(self) -> Bell:
        """Tells followers of the log at once."""
        return self._wakeup

    @property
    def checkpoints(self) -> MemoryCheckpoints:
        """Where followers of the log stand."""
        return self._checkpoints

    @property
    def parked(self) -> MemoryParked:
        """What followers have put aside."""
        return self._parked

    @property
    def audit(self) -> MemoryAudit:
        """What commands have left in the audit trail."""
        return self._audit

    async def start(self) -> None:
        """Open the store; what was in it is in it still."""
        self._open = True

    async def stop(self) -> None:
        """Close the store; harmless when closed."""
        self._open = False

    async def commit(self, batch: Batch) -> Committed:
        """Write a whole batch, or nothing.

        Raises:
            VersionConflict: A stream is not where an append expects it.
            CheckpointMoved: A checkpoint is not where a move expects it.
            ConditionFailed: The log holds what a condition excludes.
            AlreadyReceived: A message of another service was dealt with before.
            StreamClosed: A stream is closed for good.
            StoreUnavailable: The store is closed.
        """
        with self._lock:
            self._require_open()
            versions = self._log.check(batch.appends)
            self._log.hold(batch.conditions)
            self._replies.refuse(batch.received)
            checkpoints = self._checkpoints.moved(batch.moves)
            self._tables.change(batch.rows)
            self._checkpoints.keep(checkpoints)
            self._parked.change(batch.parks, batch.reparks, batch.frees)
            position = self._log.extend(batch.appends)
            if batch.reply is not None:
                self._replies.keep(batch.reply, position)
            for one in batch.received:
                self._replies.keep(one.as_reply(), position)
            for snapshot in batch.snapshots:
                known = self._snapshots.get(snapshot.stream)
                if self._log.closing(snapshot.stream) is not None:
                    continue
                if known is None or known.schema != snapshot.schema or known.version < snapshot.version:
                    self._snapshots[snapshot.stream] = snapshot
            self._audit.add(batch.audit, position)
        if position:
            self._wakeup.ring(position)
        return Committed(position, versions)

    async def read(self, work: Callable[[MemoryTables], T]) -> T:
        """Run a function with the tables of read models."""
        self._require_open()
        return work(self._tables)

    async def find_reply(self, key: bytes, now: datetime) -> Reply | None:
        """The reply to a key that has not expired, or None."""
        self._require_open()
        return self._replies.find(key, now)

    async def find_received(self, keys: Collection[bytes]) -> Collection[bytes]:
        """Which messages of other services were dealt with."""
        self._require_open()
        return self._replies.kept(keys)

    async def find_snapshot(self, stream: str) -> Snapshot | None:
        """The newest snapshot of a stream, or None."""
        self._require_open()
        return self._snapshots.get(stream)

    def begin(self) -> "MemoryTransaction":
        """A transaction to hold open; it writes when it commits, so it takes no turn before."""
        return MemoryTransaction(self)

    async def create_tables(self, tables: Collection[Any]) -> None:
        """Tables come into being with their first row."""

    async def rearrange(self, change: Rearrangement) -> None:
        """Let tables and checkpoints come, go and change their names, together.

        Raises:
            CheckpointMoved: A checkpoint is not as it must be.
            ConditionFailed: More is left of the log than may be.
            StoreUnavailable: The store is closed.
        """
        with self._lock:
            self._require_open()
            rest = Batch() if change.remainder is None else self._log.settled(change.remainder)
            checkpoints = self._checkpoints.rearranged(change, rest.moves)
            self._tables.change(rest.rows)
            self._checkpoints.keep_only(checkpoints)
            self._parked.change(rest.parks, rest.reparks, rest.frees)
            for name in change.forgets:
                self._parked.forget(name)
            for old, new in change.checkpoints:
                self._parked.rename(old, new)
            self._tables.rearrange(change.drops, change.renames)

    async def close_stream(self, closing: Closing, entry: AuditEntry) -> None:
        """Take a stream's events away for good, with what hangs on them, and add the entry that tells of it.

        Raises:
            VersionConflict: The stream is not at that version.
            StreamClosed: It was closed before.
        """
        with self._lock:
            self._require_open()
            self._log.close(closing)
            self._parked.forget_stream(closing.stream)
            self._snapshots.pop(closing.stream, None)
            self._audit.add((entry,), 0)

    async def find_closing(self, stream: str) -> Closing | None:
        """How a stream was closed."""
        self._require_open()
        return self._log.closing(stream)

    async def begin_epoch(self, seen: int) -> Epoch:
        """Give the log a new epoch, behind all that anybody may have seen; the checkpoints with it."""
        with self._lock:
            self._require_open()
            epoch = self._log.begin_epoch(seen)
            self._checkpoints.join(epoch)
            return epoch

    async def join_epoch(self, epoch: Epoch) -> None:
        """Let the checkpoints follow the new epoch of a log in another store."""
        with self._lock:
            self._require_open()
            self._checkpoints.join(epoch)

    def _require_open(self) -> None:
        if not self._open:
            raise StoreUnavailable("the store is not open")


@final
class MemoryTransaction:
    """A transaction of a `MemoryStore`."""

    __slots__ = ("_changes", "_claimed", "_ended", "_marked", "_store", "begun")

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._changes: list[RowChange] = []
        self._claimed: list[bytes] = []
        self._marked = 0
        self._ended = False
        self.begun = False

    async def run(self, work: Callable[[MemoryTables], T]) -> T:
        """Run a function with the tables of read models, to look at."""
        self._require_held()
        self.begun = True
        changes = self._changes
        return await self._store.read(lambda tables: work(tables.changed(changes) if changes else tables))

    async def change(self, rows: Sequence[RowChange]) -> None:
        """Change rows; others see them when it commits."""
        await self.run(lambda tables: tables.changed(rows))  # what cannot be changed is refused here
        self._changes.extend(rows)

    async def claim(self, key: bytes, now: datetime, wait: float) -> Reply | None:
        """Have a key to oneself until the transaction ends, unless there is a reply to it that has not expired.

        Raises:
            KeyInFlight: Another transaction has it, and kept it for longer than that.
        """
        await self.run(lambda tables: None)
        found = await self._store._replies.claim(key, now, wait)
        if found is None:
            self._claimed.append(key)
        return found

    async def mark(self) -> None:
        """Remember how far the transaction is."""
        self._marked = len(self._changes)

    async def revert(self) -> None:
        """Undo what was changed since the mark."""
        self._require_held()
        del self._changes[self._marked :]

    async def commit(self, batch: Batch) -> Committed:
        """Write the batch, or nothing; either way this ends the transaction."""
        self._require_held()
        try:
            return await self._store.commit(batch._replace(rows=(*self._changes, *batch.rows)))
        finally:
            self._end()

    async def rollback(self) -> None:
        """End the transaction; harmless when it has ended."""
        self._end()

    def _end(self) -> None:
        self._ended = True
        while self._claimed:
            self._store._replies.give_back(self._claimed.pop())

    def _require_held(self) -> None:
        if self._ended:
            raise StoreUnavailable(ENDED)
