"""The unit of work: everything one command writes, kept together until its outcome is known.

The transaction stage makes one per attempt, commits it after a Success and throws it away otherwise; handlers only add
to it. Events are encoded when they are added, so nothing that changes later changes them.
"""

from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, final

from twofold.errors import WiringError
from twofold.messages import Catalogue, Context
from twofold.store._batch import ANY_VERSION, Append, Batch, Committed, Draft, Move
from twofold.store._log import Recorded
from twofold.store._port import Store, Transaction
from twofold.store._rows import RowChange


@dataclass(frozen=True, slots=True)
class Fact:
    """An event with what the log says of it.

    Args:
        event: The event.
        recorded: Its entry in the log; inside the transaction that appends it, its position is 0, and its version too
            when the append takes any version.
    """

    event: Any
    recorded: Recorded


Inline: TypeAlias = Callable[[Sequence[Fact]], Sequence[RowChange]]
"""What inline projections make of the events of a unit of work."""


class EventSource(Protocol):
    """Something that collects events until the unit of work commits; an aggregate's repository, say."""

    def drain(self) -> tuple[str, int, Sequence[object]] | None:
        """Its stream, the version that was loaded, and its new events; None when there are none."""
        ...


class Participant(Protocol):
    """A session that writes in the unit's transaction."""

    async def flush(self) -> None:
        """Send what is pending, before the unit commits."""
        ...

    async def savepoint(self) -> None:
        """Begin a part that can be undone alone."""
        ...

    async def release(self) -> None:
        """Keep the innermost part."""
        ...

    async def undo(self) -> None:
        """Undo the innermost part."""
        ...

    async def close(self) -> None:
        """Let go of everything; the unit has ended."""
        ...


@final
class UnitOfWork:
    """Everything that one command writes: it commits whole, or not at all.

    Handlers and repositories may ask for it. `async with unit:` makes a part that is undone alone when it raises.

    Args:
        store: Where it commits to.
        catalogue: The events that may be recorded.
        context: The message that it serves.
        inline: The inline projections.
    """

    def __init__(self, store: Store, catalogue: Catalogue, context: Context, inline: Inline | None = None) -> None:
        self._store = store
        self._catalogue = catalogue
        self._context = context
        self._inline = inline
        self._facts: list[tuple[str, int, Any, Draft]] = []
        self._rows: list[RowChange] = []
        self._moves: list[Move] = []
        self._sources: list[EventSource] = []
        self._survivors: list[tuple[str, int, Any, Draft]] = []
        self._transaction: Transaction | None = None
        self._participant: Participant | None = None
        self._headers: dict[str, str] | None = None
        self._memory: dict[str, object] = {}
        self._marks: list[tuple[int, int, int, int, Participant | None]] = []
        self.committed = Committed()

    def remembered(self, key: str) -> object:
        """What was remembered under a key in this unit; None when nothing was."""
        return self._memory.get(key)

    def remember(self, key: str, thing: object) -> None:
        """Keep something for the rest of this unit: one aggregate per stream, say."""
        self._memory[key] = thing

    @property
    def transaction(self) -> Transaction:
        """The store's transaction, held open; nothing is begun before something runs in it."""
        if self._transaction is None:
            self._transaction = self._store.begin()
        return self._transaction

    def participant(self, join: Callable[[Transaction], Participant]) -> Participant:
        """The session of this unit; made at the first call.

        Args:
            join: Makes it, on the unit's transaction.
        """
        if self._participant is None:
            self._participant = join(self.transaction)
        return self._participant

    def append(self, stream: str, *events: object, expected: int = ANY_VERSION) -> None:
        """Add events to the end of a stream.

        Args:
            stream: The stream's name.
            events: The events, in order.
            expected: The version that the stream must be at; 0 for a new one.

        Raises:
            WiringError: An event is not registered.
        """
        self._facts.extend((stream, expected, event, self._draft(event)) for event in events)

    def record(self, event: object) -> None:
        """Add an event that belongs to no aggregate; it goes to a stream of this message's own."""
        self.append(self._own_stream, event)

    async def record_surviving(self, event: object) -> None:
        """Add an event that outlives a roll-back.

        It commits at once while this unit holds no transaction, else after the unit has ended, whatever its outcome.
        """
        fact = (self._own_stream, ANY_VERSION, event, self._draft(event))
        if self._transaction is None:
            await self._store.commit(self._batch([fact]))
        else:
            self._survivors.append(fact)

    def enlist(self, source: EventSource) -> None:
        """Take the events of a source when the unit commits; a second time changes nothing."""
        if not any(known is source for known in self._sources):
            self._sources.append(source)

    def change(self, *rows: RowChange) -> None:
        """Change rows of read models in this unit."""
        self._rows.extend(rows)

    def move(self, move: Move) -> None:
        """Move a checkpoint with this unit."""
        self._moves.append(move)

    async def commit(self) -> Committed:
        """Flush the session, run inline projections, and commit everything in one transaction.

        Raises:
            VersionConflict: A stream is not where the decision saw it; nothing was written.
        """
        if self._participant is not None:
            await self._participant.flush()
        for source in self._sources:
            drained = source.drain()
            if drained is not None:
                stream, version, events = drained
                self.append(stream, *events, expected=version)
        batch = self._batch(self._facts, self._rows, self._moves)
        if self._transaction is not None:
            self.committed = await self._transaction.commit(batch)
        elif batch:
            self.committed = await self._store.commit(batch)
        return self.committed

    async def rollback(self) -> None:
        """Throw everything away, but what survives."""
        self._facts.clear()
        self._sources.clear()
        if self._transaction is not None:
            await self._transaction.rollback()

    async def end(self) -> None:
        """Let the session go, and commit what survives whatever the outcome was."""
        if self._participant is not None:
            await self._participant.close()
        if self._survivors:
            survivors, self._survivors = self._survivors, []
            await self._store.commit(self._batch(survivors))

    async def __aenter__(self) -> "UnitOfWork":
        await self.begin_part()
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        await (self.keep_part() if error is None else self.undo_part())

    async def begin_part(self) -> None:
        """Begin a part that can be undone alone."""
        if self._participant is not None:
            await self._participant.savepoint()
        marks = (len(self._facts), len(self._rows), len(self._moves), len(self._sources))
        self._marks.append((*marks, self._participant))

    async def keep_part(self) -> None:
        """Keep the innermost part."""
        participant = self._marks.pop()[-1]
        if participant is not None:
            await participant.release()

    async def undo_part(self) -> None:
        """Undo the innermost part."""
        facts, rows, moves, sources, participant = self._marks.pop()
        del self._facts[facts:], self._rows[rows:], self._moves[moves:], self._sources[sources:]
        if participant is not None:
            await participant.undo()
        elif self._participant is not None:
            # The session was born in this part, so all of the transaction is this part's.
            await self._participant.close()
            await self.transaction.rollback()
            self._participant = self._transaction = None

    @property
    def _own_stream(self) -> str:
        return f"message-{self._context.message_id}"

    def _draft(self, event: object) -> Draft:
        kind = type(event)
        if kind not in self._catalogue:
            raise WiringError(
                f"{kind.__qualname__} is recorded, and this application does not know it; declare it with module.events()"
            )
        entry = self._catalogue.of(kind)
        if self._headers is None:
            self._headers = self._context.headers()
        context = self._context
        now, data = context.clock.now(), entry.encode(event)
        return Draft(context.ids(), entry.name, entry.wire.version, data, self._headers, now)

    def _batch(
        self,
        facts: Sequence[tuple[str, int, Any, Draft]],
        rows: Sequence[RowChange] = (),
        moves: Sequence[Move] = (),
    ) -> Batch:
        """The data of a commit: events by stream in the order of each stream's first one."""
        streams: dict[str, tuple[int, list[Draft]]] = {}
        for stream, expected, _, draft in facts:
            streams.setdefault(stream, (expected, []))[1].append(draft)
        derived = self._inline(_as_facts(facts)) if self._inline is not None and facts else ()
        return Batch(
            tuple(Append(stream, tuple(drafts), expected) for stream, (expected, drafts) in streams.items()),
            (*rows, *derived),
            tuple(moves),
        )


def _as_facts(facts: Sequence[tuple[str, int, Any, Draft]]) -> list[Fact]:
    """The events with what is known of them before they are in the log."""
    seen: dict[str, int] = {}
    result: list[Fact] = []
    for stream, expected, event, draft in facts:
        version = 0
        if expected != ANY_VERSION:
            version = seen[stream] = seen.get(stream, expected) + 1
        recorded = Recorded(
            0, stream, version, draft.id, draft.type, draft.schema_version, draft.data, draft.headers, draft.time
        )
        result.append(Fact(event, recorded))
    return result


_unit: ContextVar[UnitOfWork | None] = ContextVar("twofold_unit", default=None)

current_unit = _unit.get
"""The unit of work of the command being handled in this task, or None outside any."""


_carried: ContextVar[Move | None] = ContextVar("twofold_carried_move", default=None)

carried_move = _carried.get
"""The checkpoint that the next unit of work of this task moves, or None."""


@contextmanager
def carrying(move: Move) -> Generator[None]:
    """Have the next unit of work of this task move a checkpoint, so that a reaction and its checkpoint commit together."""
    token = _carried.set(move)
    try:
        yield
    finally:
        _carried.reset(token)


@asynccontextmanager
async def working(unit: UnitOfWork) -> AsyncGenerator[UnitOfWork]:
    """Make a unit the current one for a block, and end it afterwards; an error or cancellation rolls it back."""
    token = _unit.set(unit)
    try:
        yield unit
    except BaseException:
        await unit.rollback()
        raise
    finally:
        _unit.reset(token)
        await unit.end()


UnitFactory: TypeAlias = Callable[[Context], UnitOfWork]
"""Makes the unit of work of a message."""
