"""The store in memory: for tests and small tools, and the reference that every other store is measured against.

It keeps the whole contract but two words: nothing survives the process, and there is no SQL.
"""

import threading
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar, final

from twofold.errors import Conflict, StoreUnavailable
from twofold.store._batch import Batch, Committed, Move
from twofold.store._bell import Bell
from twofold.store._memory_log import MemoryLog
from twofold.store._memory_tables import MemoryTables

T = TypeVar("T")


@final
class MemoryStore:
    """A `Store` in the memory of this process; several event loops may use it.

    What `read` and `Transaction.run` give to a function is a `MemoryTables`, to look at rows of read models.

    Example:
        >>> store = MemoryStore()
    """

    __slots__ = ("_checkpoints", "_lock", "_log", "_open", "_tables", "_wakeup")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._log = MemoryLog()
        self._tables = MemoryTables()
        self._checkpoints = dict[str, int]()
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
            Conflict: A checkpoint is not where a move expects it.
            StoreUnavailable: The store is closed.
        """
        with self._lock:
            self._require_open()
            versions = self._log.check(batch.appends)
            checkpoints = self._moved(batch.moves)
            self._tables.change(batch.rows)
            self._checkpoints.update(checkpoints)
            position = self._log.extend(batch.appends)
        if position:
            self._wakeup.ring(position)
        return Committed(position, versions)

    async def read(self, work: Callable[[MemoryTables], T]) -> T:
        """Run a function with the tables of read models."""
        self._require_open()
        return work(self._tables)

    def begin(self) -> "MemoryTransaction":
        """A transaction to hold open; it writes when it commits, so it takes no turn before."""
        return MemoryTransaction(self)

    async def checkpoint(self, name: str) -> int:
        """Where a subscription stands; 0 for a new one."""
        self._require_open()
        return self._checkpoints.get(name, 0)

    async def create_tables(self, tables: Collection[Any]) -> None:
        """Tables come into being with their first row."""

    def _moved(self, moves: Sequence[Move]) -> dict[str, int]:
        moved = dict[str, int]()
        for move in moves:
            stands = moved.get(move.name, self._checkpoints.get(move.name, 0))
            if stands != move.expected:
                raise Conflict(
                    f"checkpoint {move.name!r} stands at {stands}, not at {move.expected}: another owner moved it"
                )
            moved[move.name] = move.position
        return moved

    def _require_open(self) -> None:
        if not self._open:
            raise StoreUnavailable("the store is not open")


@final
class MemoryTransaction:
    """A transaction of a `MemoryStore`."""

    __slots__ = ("_ended", "_store", "begun")

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._ended = False
        self.begun = False

    async def run(self, work: Callable[[MemoryTables], T]) -> T:
        """Run a function with the tables of read models, to look at."""
        self._require_held()
        self.begun = True
        return await self._store.read(work)

    async def commit(self, batch: Batch) -> Committed:
        """Write the batch, or nothing; either way this ends the transaction."""
        self._require_held()
        self._ended = True
        return await self._store.commit(batch)

    async def rollback(self) -> None:
        """End the transaction; harmless when it has ended."""
        self._ended = True

    def _require_held(self) -> None:
        if self._ended:
            raise StoreUnavailable("the transaction has ended")
