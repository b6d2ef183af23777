"""What a store can do. A driver implements this; everything above talks to nothing else.

There are two ways to write. `commit` takes a whole unit of work as data, in one hop. `begin` opens a transaction that
is held open, for handlers which run SQL of their own; its `commit` takes the rest of the unit of work as data.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar, runtime_checkable

from twofold.store._audit import AuditEntry
from twofold.store._audit_trail import AuditTrail
from twofold.store._batch import Batch, Committed
from twofold.store._checkpoint import Checkpoints
from twofold.store._log import Log, Wakeup
from twofold.store._parked import ParkedEvents
from twofold.store._rearrangement import Rearrangement
from twofold.store._replies import Reply
from twofold.store._rows import RowChange
from twofold.store._snapshot import Snapshot

T = TypeVar("T")


class Transaction(Protocol):
    """A write transaction that is held open; nothing is begun before its first `run` or `change`.

    Whoever holds one has the writer's turn, and must not wait for a second one.
    """

    @property
    def begun(self) -> bool:
        """Whether something has run in it, so that it holds the writer's turn until it ends."""
        ...

    async def run(self, work: Callable[[Any], T]) -> T:
        """Run a function with the driver's own connection inside the transaction, and give what it returns.

        Raises:
            StoreUnavailable: The transaction was held longer than the store allows and is gone.
        """
        ...

    async def change(self, rows: Sequence[RowChange]) -> None:
        """Change rows of read models now, in order: what runs next sees them. The transaction is begun by it.

        Raises:
            StoreUnavailable: The transaction was held longer than the store allows and is gone.
        """
        ...

    async def claim(self, key: bytes, now: datetime, wait: float) -> Reply | None:
        """Have a key to oneself until the transaction ends, unless there is a reply to it that has not expired.

        The transaction is begun by it.

        Args:
            key: The key of the reply.
            now: The time, in UTC.
            wait: How long to wait for another transaction that has the key, in seconds; 0 not at all.

        Returns:
            The reply; None when the key is free, and claimed now.

        Raises:
            KeyInFlight: Another transaction has it, and kept it for longer than that.
            StoreUnavailable: The transaction was held longer than the store allows and is gone.
        """
        ...

    async def mark(self) -> None:
        """Remember how far the transaction is: `revert` goes back to here."""
        ...

    async def revert(self) -> None:
        """Undo what has run since the mark; the transaction goes on."""
        ...

    async def commit(self, batch: Batch) -> Committed:
        """Write the batch and commit. Once begun it is carried through, whatever happens to the caller.

        Raises:
            VersionConflict: A stream is not where an append expects it; everything is rolled back.
        """
        ...

    async def rollback(self) -> None:
        """Undo everything; harmless when nothing was begun or it has ended."""
        ...


class Store(Protocol):
    """One log with everything that must agree with it."""

    @property
    def log(self) -> Log:
        """The log, for readers."""
        ...

    @property
    def wakeup(self) -> Wakeup:
        """Tells followers of the log that it may have grown."""
        ...

    @property
    def checkpoints(self) -> Checkpoints:
        """Where the followers of a log stand, and who owns them."""
        ...

    @property
    def parked(self) -> ParkedEvents:
        """What followers have put aside."""
        ...

    @property
    def audit(self) -> AuditTrail:
        """What commands have left in the audit trail."""
        ...

    async def start(self) -> None:
        """Open the store; creates or upgrades its tables.

        Raises:
            StoreUnavailable: It cannot be opened.
            WiringError: A newer twofold made it.
        """
        ...

    async def stop(self) -> None:
        """Finish what was begun, and close; harmless when closed."""
        ...

    async def commit(self, batch: Batch) -> Committed:
        """Write a whole batch in one transaction of its own.

        Raises:
            VersionConflict: A stream is not where an append expects it; nothing was written.
            CheckpointMoved: A checkpoint is not where a move expects it; nothing was written.
            ConditionFailed: The log holds what a condition excludes; nothing was written.
            AlreadyReceived: A message of another service was dealt with before; nothing was written.
            StreamClosed: A stream is closed for good; nothing was written.
            StoreUnavailable: The store is closed or refuses writes; nothing was written.
            OutcomeUnknown: The commit was sent and its end is not known; it is whole or absent.
        """
        ...

    async def read(self, work: Callable[[Any], T]) -> T:
        """Run a function with one of the driver's own read-only connections; the database refuses its writes.

        It sees one snapshot from its first read to its last, and must fetch what it wants to keep.
        """
        ...

    async def find_reply(self, key: bytes, now: datetime) -> Reply | None:
        """The reply to a key that has not expired, or None; as committed, whoever has claimed the key.

        Args:
            key: The key of the reply.
            now: The time, in UTC.
        """
        ...

    async def find_received(self, keys: Collection[bytes]) -> Collection[bytes]:
        """Which messages of other services were dealt with, as committed; some that have expired may be among them.

        Args:
            keys: What they are known by.
        """
        ...

    async def find_snapshot(self, stream: str) -> Snapshot | None:
        """The newest snapshot of a stream, or None; of one that tells of somebody who is erased, what is left."""
        ...

    def begin(self) -> Transaction:
        """A transaction to hold open; takes nothing until its first `run`."""
        ...

    async def create_tables(self, tables: Collection[Any]) -> None:
        """Create the tables of read models and state that are missing, with their indexes."""
        ...

    async def rearrange(self, change: Rearrangement) -> None:
        """Let tables and checkpoints come, go and change their names, in one transaction.

        A reader sees all of them before it, or after it. What a batch holds in place (a checkpoint that it moves, if
        only to where it stands) and this exclude each other.

        Raises:
            CheckpointMoved: A checkpoint is not as it must be; nothing was changed.
            ConditionFailed: More is left of the log than may be; nothing was changed.
            WiringError: A table that is to be renamed is referred to from outside; nothing was changed.
        """
        ...


@runtime_checkable
class ReplicatedStore(Protocol):
    """A store that may read from copies which are behind: an ability that not every store has."""

    @property
    def replicated(self) -> bool:
        """Whether it does."""
        ...

    async def catch_up(self, wait: float) -> None:
        """Have this task read, from now on, at least what has been committed by now.

        Args:
            wait: How long to wait for a copy that has it, in seconds.
        """
        ...


@runtime_checkable
class StoreInFront(Protocol):
    """A store that stands in front of another one, whose connections it hands out: an ability of few."""

    @property
    def behind(self) -> Store:
        """The other one."""
        ...


@runtime_checkable
class RevealingStore(Protocol):
    """A store that keeps personal data as nobody reads it, and can read it: an ability of few."""

    def in_front_of(self, store: Store) -> Store:
        """The same in front of another store, not started."""
        ...

    def reading(self, log: Log) -> Log:
        """A log that is kept so, as it is read."""
        ...

    async def reveal(self, entries: Sequence[AuditEntry]) -> Sequence[AuditEntry]:
        """Entries of the audit trail, which are kept so too, as people read them."""
        ...


@runtime_checkable
class QueueingStore(Protocol):
    """A store in front of which work waits: an ability that not every store has."""

    @property
    def queues(self) -> Mapping[str, int]:
        """How much waits at this moment, by what it waits for: `writer`, `readers`."""
        ...


@runtime_checkable
class ReadableStore(Protocol):
    """A store that can be opened so that its database refuses every write: an ability that not every store has."""

    def read_only(self) -> Store:
        """The same store, not started, for a process that only reads."""
        ...


def foundation(store: Store) -> Store:
    """The store that has a database, whatever stands in front of it."""
    while isinstance(store, StoreInFront):
        store = store.behind
    return store
