"""The store in memory: for tests and small tools, and the reference that every other store is measured against.

It keeps the whole contract but two words: nothing survives the process, and there is no SQL.
"""

import threading
from collections.abc import Callable, Collection, Sequence
from itertools import islice
from typing import Any, TypeVar, final

from twofold.errors import Conflict, StoreUnavailable, VersionConflict
from twofold.store._batch import ANY_VERSION, Append, Batch, Committed, Move
from twofold.store._bell import Bell
from twofold.store._log import Recorded
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
    def log(self) -> "MemoryLog":
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


@final
class MemoryLog:
    """The log of a `MemoryStore`: a list of all events, and one for each stream."""

    __slots__ = ("_events", "_streams")

    def __init__(self) -> None:
        self._events = list[Recorded]()
        self._streams = dict[str, list[Recorded]]()

    async def head(self) -> int:
        """The position of the last event; 0 when empty."""
        return len(self._events)

    async def read(
        self, after: int, *, until: int, limit: int, types: Collection[str] | None = None
    ) -> Sequence[Recorded]:
        """Events with `after < position <= until`, in position order."""
        events = islice(self._events, max(after, 0), max(until, 0))
        return list(islice((e for e in events if types is None or e.type in types), limit))

    async def read_stream(self, stream: str, *, after: int = 0, limit: int = 1000) -> Sequence[Recorded]:
        """Events of one stream with `version > after`, in version order."""
        return self._streams.get(stream, [])[after : after + limit]

    def check(self, appends: Sequence[Append]) -> dict[str, int]:
        """The version that each stream would reach.

        Raises:
            VersionConflict: A stream is not where an append expects it.
        """
        reached = dict[str, int]()
        for append in appends:
            at = reached.get(append.stream, len(self._streams.get(append.stream, ())))
            if append.expected not in (ANY_VERSION, at):
                raise VersionConflict(stream=append.stream, expected=append.expected, actual=at)
            reached[append.stream] = at + len(append.events)
        return reached

    def extend(self, appends: Sequence[Append]) -> int:
        """Add events that were checked, and give the position of the last one; 0 when there is none."""
        before = len(self._events)
        for append in appends:
            stream = self._streams.setdefault(append.stream, [])
            for draft in append.events:
                recorded = Recorded(
                    position=len(self._events) + 1,
                    stream=append.stream,
                    version=len(stream) + 1,
                    id=draft.id,
                    type=draft.type,
                    schema_version=draft.schema_version,
                    data=draft.data,
                    headers=draft.headers,
                    time=draft.time,
                    tags=draft.tags,
                )
                stream.append(recorded)
                self._events.append(recorded)
        return len(self._events) if len(self._events) > before else 0
