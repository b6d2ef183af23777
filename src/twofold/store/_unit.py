"""The unit of work: everything one command writes, kept together until its outcome is known.

The transaction stage makes one per attempt, commits it after a Success and throws it away otherwise; handlers only add
to it. Events are encoded when they are added, so nothing that changes later changes them.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeAlias, final

from twofold.clock import Clock
from twofold.errors import (
    CheckpointMoved,
    Decided,
    Interrupted,
    OutcomeUnknown,
    TooLarge,
    TwofoldError,
    VersionConflict,
    WiringError,
)
from twofold.messages import Catalogue, Context
from twofold.store._added import Added, appends_of, as_facts, decided_versions
from twofold.store._attempts import Attempts
from twofold.store._audited import Trace
from twofold.store._batch import ANY_VERSION, Batch, Committed
from twofold.store._bounds import Bounds
from twofold.store._checkpoint import Move, replaced_by_another
from twofold.store._fact import Fact
from twofold.store._held import HeldTransaction
from twofold.store._part import Part, enter
from twofold.store._participants import Participant
from twofold.store._pending import Pending
from twofold.store._port import Store, Transaction
from twofold.store._precondition import Precondition
from twofold.store._recorder import Recorder
from twofold.store._replies import Reply
from twofold.store._rows import RowChange
from twofold.store._selection import Condition, Selection, selected
from twofold.store._snapshot import Snapshot
from twofold.store._sources import Sources

Told: TypeAlias = Callable[[Sequence[Fact], int], None]
"""Told of a commit: its events, and the position of the last one."""


class Inline(Protocol):
    """What inline projections do with the events of a unit of work."""

    async def __call__(self, facts: Sequence[Fact], unit: "UnitOfWork") -> None:
        """Change rows in the unit, for its events."""
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
        held: What must hold for them while events are recorded: that no other version has taken their place.
        told: Told of the events that were committed, and of a position that none of them is behind.
        bounds: How much it may record.
    """

    __slots__ = (
        "_bounds",
        "_held",
        "_in_store",
        "_inline",
        "_parts",
        "_pending",
        "_precondition",
        "_recorder",
        "_reply",
        "_settled",
        "_snapshots",
        "_sources",
        "_store",
        "_told",
        "_turns",
        "catalogue",
        "committed",
        "trace",
    )

    def __init__(
        self,
        store: Store,
        catalogue: Catalogue,
        context: Context,
        inline: Inline | None = None,
        held: tuple[Move, ...] = (),
        told: Told | None = None,
        bounds: Bounds = Bounds(),
    ) -> None:
        self._store = store
        self._in_store: HeldTransaction | None = None
        self.catalogue = catalogue
        self._recorder = Recorder(catalogue, context, bounds)
        self._bounds = bounds
        self._pending = Pending()
        self._sources: Sources | None = None
        self._inline = inline
        self._held = held
        self._told = told
        self._snapshots: dict[str, Snapshot] = {}
        self._settled = _NOTHING
        self._reply: Reply | None = None
        self._parts: list[Part] = []
        self._turns: list[asyncio.Lock] = []
        expected = context.origin.expected
        self._precondition = None if expected is None else Precondition(expected)
        self.trace: Trace | None = None
        """What goes into the audit trail with it; None where nobody keeps one."""
        self.committed = _NOTHING_COMMITTED

    @property
    def clock(self) -> Clock:
        """The clock of the message that it serves."""
        return self._recorder.context.clock

    @property
    def open(self) -> bool:
        """Whether it still takes what a handler adds; not once it commits or rolls back."""
        return self._recorder.open

    @property
    def attempts(self) -> Attempts:
        """What it tells of the attempts of commands."""
        return Attempts(self._recorder, self._pending)

    @property
    def sources(self) -> Sources:
        """The aggregates that are loaded and saved in it."""
        if self._sources is None:
            self._sources = Sources(self._recorder)
        return self._sources

    @property
    def in_part(self) -> bool:
        """Whether a part of it is open."""
        return bool(self._parts)

    def found(self, stream: str, version: int) -> None:
        """Say what the message is about, for a sender who expects it at a version; repositories and deciders do.

        Args:
            stream: The name of its stream, or any other name where it is kept otherwise.
            version: The version that it is at; 0 when there is none.
        """
        if self._precondition is not None:
            self._precondition.found(stream, version)

    def prove_expected(self) -> None:
        """See to it that what the sender expects was found to be so, before it commits.

        A handler that does more than to decide may ask for it before it does that.

        Raises:
            PreconditionFailed: It was found otherwise.
            NoSingleVersion: What the message is about has no version, or more than one.
        """
        if self._precondition is not None:
            self._precondition.prove()

    @property
    def transaction(self) -> Transaction:
        """The store's transaction, held open; nothing is begun before something runs in it."""
        return self._hold().transaction

    def participant(self, join: Callable[[Transaction], Participant]) -> Participant:
        """The session of this unit; made at the first call.

        Args:
            join: Makes it, on the unit's transaction.
        """
        return self._hold().session(join)

    def append(self, stream: str, *events: object, expected: int = ANY_VERSION) -> None:
        """Add events to the end of a stream.

        Args:
            stream: The stream's name.
            events: The events, in order.
            expected: The version that the stream must be at, with what this unit has appended to it counted; 0 for a
                new one.

        Raises:
            WiringError: One is not registered or no event, or the unit has ended.
        """
        recorder = self._recorder
        self._pending.facts += recorder.in_stream(stream, events, expected, recorder.context)

    def receive(self, stream: str, event: object, of: Context) -> None:
        """Add an event that another service has recorded: it has the id of the message that has brought it.

        Args:
            stream: The name of the stream that it goes to.
            event: The event.
            of: The message.
        """
        self._pending.facts.append(self._recorder.received(stream, event, of))

    def record(self, event: object) -> None:
        """Add an event that belongs to no aggregate; it goes to a stream of this message's own."""
        self._pending.facts.append(self._recorder.own(event))

    async def record_surviving(self, event: object) -> None:
        """Add an event that outlives a roll-back.

        It commits at once while nothing has run in the transaction of this unit, else with the unit, or after its
        roll-back.
        """
        fact = self._recorder.own(event)
        if self._begun():
            self._pending.survivors.append(fact)
        else:
            await self._commit_apart([fact])

    def require(self, condition: Condition) -> None:
        """Have whatever this unit writes depend on what must not have happened since a decision was made."""
        self._pending.conditions.append(condition)

    def pending(self, where: Sequence[Selection]) -> list[Any]:
        """The events of this unit that a selection means, which no log has yet; those of its sources come last.

        Args:
            where: Selections by types and tags.
        """
        facts = [*self._pending.facts, *self._pending.survivors, *self.sources.events()]
        return [fact.event for fact in as_facts(facts) if selected(fact.recorded, where)]

    def change(self, *rows: RowChange) -> None:
        """Change rows of read models in this unit."""
        self._pending.rows.extend(rows)

    async def write_rows(self) -> None:
        """Write the changes of rows so far now, so that SQL of this unit sees them.

        Raises:
            WiringError: It is in a part, which could not undo them.
        """
        if self._parts:
            raise WiringError("rows are written with the whole unit of work, not in a part of it")
        rows, self._pending.rows = self._pending.rows, []
        if rows:
            await self.transaction.change(rows)

    def keep_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a snapshot with this unit, in place of an older one of its stream."""
        self._snapshots[snapshot.stream] = snapshot

    def move(self, move: Move) -> None:
        """Move a checkpoint with this unit."""
        self._pending.moves.append(move)

    def settle(self, settled: Batch) -> None:
        """Settle an event of the log with this unit: its checkpoint, what is put aside or let go, and was received."""
        self._settled = settled

    async def claim(self, key: bytes, now: datetime, wait: float) -> Reply | None:
        """Begin the transaction with the claim of a key, which is this unit's own until it ends.

        Args:
            key: The key of the reply.
            now: The time, in UTC.
            wait: How long to wait for another unit that has the key, in seconds.

        Returns:
            The reply of a unit that had the key before: then this one has ended, and has nothing to commit.

        Raises:
            KeyInFlight: Another unit has it, and kept it for longer than that.
        """
        found = await self._hold().claim(key, now, wait)
        if found is not None:
            await self.rollback()
            self._in_store = None
        return found

    def answer(self, reply: Reply) -> None:
        """Keep the reply to the key that was claimed with everything else that is committed."""
        self._reply = reply

    async def commit(self) -> Committed:
        """Flush the session, run inline projections, and commit everything in one transaction.

        Raises:
            VersionConflict: A stream is not where the decision saw it; nothing was written.
            ConditionFailed: Something has happened that the decision would have had to know; nothing was written.
            Superseded: Another version of an inline projection has taken its place; nothing was written.
            Interrupted: An attempt that it begins or ends has an end already; nothing was written.
            PreconditionFailed: What the sender expects was so, and is no more; nothing was written.
            TooLarge: It has more events than it may; nothing was written.
            WiringError: A command that a handler sent is still being handled; or an aggregate that has recorded
                events was not saved.
        """
        if self._parts:
            raise WiringError("a handler has answered before a command that it sent: await what it sends")
        if self._in_store is not None:
            await self._in_store.flush()
        if self._sources is not None:
            self._sources.prove_saved()
            self._pending.facts += self._sources.events()
        self._recorder.open = False
        settled, pending, facts = self._settled, self._pending, self._pending.events()
        if len(facts) > self._bounds.events:
            raise TooLarge("what one command records is", limit=self._bounds.events, unit="events")
        if self._inline is not None and facts:
            await self._inline(as_facts(facts), self)
        held = self._held if facts else ()
        batch = Batch(  # by position, which takes half the time
            appends_of(facts),
            tuple(pending.rows),
            (*pending.moves, *settled.moves, *held),
            tuple(pending.conditions) if self._writes(facts) else (),
            settled.parks,
            settled.frees,
            self._reply,
            () if self.trace is None else self.trace.committing(),
            tuple(self._snapshots.values()),
            settled.received,
        )
        try:
            if self._in_store is not None:
                self.committed = await self._in_store.transaction.commit(batch)
            elif batch:
                self.committed = await self._store.commit(batch)
        except Exception as error:
            await self._explain(error, held)
            raise
        except asyncio.CancelledError as cancelled:
            decided = cancelled.__cause__
            if isinstance(decided, Decided):
                self._may_be_committed(decided.error)
                if decided.error is None:
                    self._has_committed(decided.value, facts)
            raise
        return self._has_committed(self.committed, facts)

    def _writes(self, facts: Sequence[object]) -> bool:
        """Whether a decision led to more than an answer, which was right when it was made."""
        return bool(facts or self._pending.rows or self._begun())

    def _begun(self) -> bool:
        """Whether anything has run in the store."""
        return self._in_store is not None and self._in_store.transaction.begun

    def _hold(self) -> HeldTransaction:
        if self._in_store is None:
            self._in_store = HeldTransaction(self._store.begin())
        return self._in_store

    def _has_committed(self, committed: Committed, facts: Sequence[Added]) -> Committed:
        self.committed = committed
        self._pending.let_survivors_go()
        if self.trace is not None:
            self.trace.written = True
        receipt = self._recorder.context.origin.receipt
        if receipt is not None:
            versions = decided_versions(facts, committed, self._recorder.attempt_streams)
            if self._sources is not None:
                versions += self._sources.left_at()
            receipt.note(committed.position, versions[0] if len(versions) == 1 else None)
        if self._told is not None and facts:
            self._told(as_facts(facts), committed.position)
        return committed

    async def _explain(self, error: Exception, held: Sequence[Move]) -> None:
        """Raise what a commit has failed with where that is more than its error says."""
        self._may_be_committed(error)
        if isinstance(error, VersionConflict):
            if error.stream in self._recorder.attempt_streams:
                raise Interrupted from error
            broken = None if self._precondition is None else self._precondition.broken_by(error)
            if broken is not None:
                raise broken from error
        elif isinstance(error, CheckpointMoved) or not isinstance(error, TwofoldError):
            replaced = await replaced_by_another(held, self._store.checkpoints)
            if replaced is not None:
                raise replaced from error

    def _may_be_committed(self, error: BaseException | None) -> None:
        """Tell nobody that something was undone when nobody knows."""
        if isinstance(error, OutcomeUnknown):
            self._pending.undone.clear()

    async def rollback(self) -> None:
        """Throw everything away, but what survives."""
        self._recorder.open = False
        self._pending.drop()
        if self._sources is not None:
            self._sources.forget()
        if self.trace is not None and not self.trace.written:
            self.trace.undo()
        if self._in_store is not None:
            await self._in_store.transaction.rollback()

    @property
    def lingers(self) -> bool:
        """Whether anything is left that has to `end`, once it is committed or rolled back."""
        return self._in_store is not None or self._pending.survives

    async def end(self) -> None:
        """Let the session go, and commit what survives though the unit does not.

        What the unit ended with stays the answer, whatever comes of the survivors; their error goes to the exception
        handler of the event loop, which logs it with its traceback unless told otherwise.
        """
        self._recorder.open = False
        if self._in_store is not None:
            await self._in_store.close()
        survivors = self._pending.surviving()
        if survivors:
            try:
                await self._commit_apart(survivors)
            except Exception as error:  # noqa: BLE001  # told to the event loop: the caller is told the outcome
                lost = ", ".join(draft.type for _, _, _, draft in survivors)
                text = f"{lost} cannot be committed after the roll-back of message {self._recorder.context.message_id}"
                asyncio.get_running_loop().call_exception_handler({"message": text, "exception": error})

    async def __aenter__(self) -> "UnitOfWork":
        await self.begin_part()
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        await (self.keep_part() if error is None else self.undo_part())

    async def begin_part(self, context: Context | None = None) -> None:
        """Begin a part that can be undone alone.

        Args:
            context: The message that the part serves, when it is not that of the unit.

        Raises:
            WiringError: Its sender expects a version, which only that of the whole unit can.
        """
        if context is not None and context.origin.expected not in (None, self._recorder.context.origin.expected):
            raise WiringError("a command that a handler sends is a part of another one: it can expect no version")
        place = await enter(self._turns)
        try:
            session = None if self._in_store is None else await self._in_store.mark()
            self._parts.append(
                Part(
                    place=place,
                    mark=self._pending.mark(),
                    traced=0 if self.trace is None else len(self.trace),
                    sources=self.sources.mark(),
                    session=session,
                    context=self._recorder.context,
                )
            )
        except BaseException:
            place.leave()
            raise
        self._recorder.serve(context or self._recorder.context)

    async def keep_part(self) -> None:
        """Keep the innermost part.

        Raises:
            WiringError: The unit has ended before it.
        """
        part = self._parts.pop()
        try:
            if not self.open:
                raise WiringError("a handler has answered before a command that it sent: await what it sends")
            if part.session is not None:
                await part.session.release()
        finally:
            self._recorder.serve(part.context)
            part.place.leave()

    async def undo_part(self) -> None:
        """Undo the innermost part; aggregates are again as they were before it."""
        part = self._parts.pop()
        self._pending.undo(part.mark)
        if self.trace is not None:
            self.trace.undo(part.traced)
        self.sources.revert(part.sources)
        try:
            if self._in_store is not None and not await self._in_store.undo(part.session):
                self._in_store = None
        finally:
            self._recorder.serve(part.context)
            part.place.leave()

    async def _commit_apart(self, facts: Sequence[Added]) -> None:
        """Commit events in a unit of their own, whatever becomes of this one."""
        context, told, bounds = self._recorder.context, self._told, self._bounds
        apart = UnitOfWork(self._store, self.catalogue, context, self._inline, self._held, told, bounds)
        apart._pending.facts.extend(facts)
        apart._recorder.attempt_streams |= self._recorder.attempt_streams
        try:
            await apart.commit()
        except BaseException:
            await apart.rollback()
            raise
        finally:
            await apart.end()


_NOTHING = Batch()
_NOTHING_COMMITTED = Committed()
