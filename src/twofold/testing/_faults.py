"""Faults between an application and its store: what happens to handlers in production, in a test.

A `FaultyStore` stands in front of a real one. It makes nothing up: what a store promises it keeps, and what it does to
handlers a process that is killed, a redelivery or a slow reader does as well.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NoReturn, TypeAlias, TypeVar, final

from twofold.errors import OutcomeUnknown, StoreUnavailable
from twofold.store import (
    Batch,
    Bell,
    Committed,
    Log,
    Recorded,
    Reply,
    RowChange,
    Selection,
    Store,
    StoreFront,
    Transaction,
    TransactionFront,
    Wakeup,
)

T = TypeVar("T")

_Commit: TypeAlias = Callable[[Batch], Awaitable[Committed]]

_DEAD: Final = "the process has crashed"
_EVENTS: Final = "events"
_COMMAND: Final = "command"


class Fault(StrEnum):
    """What happens while handlers work. The fixture `fault` runs a test once for each."""

    CRASH_BEFORE_COMMIT = "crash before commit"
    """At every commit of a command, projection or reaction the process dies first, once; then it is started again, and
    a command is sent again under its idempotency key."""
    CRASH_AFTER_COMMIT = "crash after commit"
    """The same, once it is committed and before anybody has heard of it."""
    DUPLICATE = "duplicate"
    """The command is sent twice under one idempotency key, and every event is handled twice: the first time, nothing of
    that is committed."""
    REORDER = "reorder"
    """The events that are given come by streams, the last stream first; those of one stream, or with a tag in common,
    stay in order."""
    DELAY = "delay"
    """Projections and reactions that follow the log see nothing of it before the command is done."""


@final
class FaultyStore(StoreFront):
    """A `Store` in front of another one.

    Args:
        open: Makes the other one, on the same database each time.
        fault: What it does; None for nothing.
    """

    def __init__(self, open: Callable[[], Store], fault: Fault | None) -> None:  # noqa: A002  # what it does
        super().__init__(open())
        self.crashed = asyncio.Event()
        self.armed = False
        """Whether anything happens yet."""
        self.late = fault is not None
        """Whether whoever follows the log sees nothing of it yet."""
        self.met: set[tuple[Hashable, ...]] = set()
        """The commits that something has happened to: each once, however often it is tried."""
        self.appearing = Bell()
        """Rung when whoever follows the log sees it again."""
        self._open = open
        self._fault = fault

    @property
    def log(self) -> Log:
        """The log, as late as it is."""
        return _LateLog(self)

    @property
    def wakeup(self) -> Wakeup:
        """What tells followers of the log, of as much as they see."""
        return _LateWakeup(self)

    async def start(self) -> None:
        """Open the other one, after a crash too."""
        if self.crashed.is_set():
            self.crashed.clear()
            self.late = False
        await self.behind.start()

    async def stop(self) -> None:
        """Close the other one; what is opened next is another one on the same database."""
        await self.behind.stop()
        self.behind = self._open()

    async def commit(self, batch: Batch) -> Committed:
        """Write a batch, unless the process dies before."""
        return await self.at_commit(batch, self.behind.commit, held=False)

    def begin(self) -> Transaction:
        """A transaction of the other one, which may die before it commits, and after."""
        return _FaultyTransaction(self, self.behind.begin())

    def appear(self) -> None:
        """Let those who follow the log see it."""
        self.late = False
        self.appearing.ring(0)

    def require_alive(self) -> None:
        """See that the process has not crashed.

        Raises:
            StoreUnavailable: It has: nothing that it does is in the database any more.
        """
        if self.crashed.is_set():
            raise StoreUnavailable(_DEAD)

    async def at_commit(self, batch: Batch, commit: _Commit, *, held: bool) -> Committed:
        """Commit, with what happens there.

        Args:
            batch: What is committed.
            commit: Commits it.
            held: Whether it is the end of a transaction that was held open.
        """
        if self.crashed.is_set() and not held and batch == Batch(audit=batch.audit):
            return Committed()  # the last words of a process that has crashed
        self.require_alive()
        point = _point(batch, held=held)
        if not self.armed or point is None or point in self.met:
            return await commit(batch)
        match self._fault:
            case Fault.CRASH_BEFORE_COMMIT:
                self.met.add(point)
                self.crashed.set()
                self.require_alive()
            case Fault.CRASH_AFTER_COMMIT:
                await self._commit_unheard(point, batch, commit)
            case Fault.DUPLICATE if point[0] == _EVENTS:
                self.met.add(point)
                raise StoreUnavailable("the first delivery is lost, and there is another one")
            case _:
                pass
        return await commit(batch)

    async def _commit_unheard(self, point: tuple[Hashable, ...], batch: Batch, commit: _Commit) -> NoReturn:
        """Commit, and die before anybody has heard of it; nobody in the process that dies acts on it either."""
        self.late = True
        try:
            await commit(batch)
        except BaseException:  # it was refused, so nobody dies over it
            self.late = False
            raise
        self.met.add(point)
        self.crashed.set()
        raise OutcomeUnknown(_DEAD)


def is_death(error: object) -> bool:
    """Whether an error is that of a process which has died by a fault."""
    return isinstance(error, StoreUnavailable | OutcomeUnknown) and error.args == (_DEAD,)


def _point(batch: Batch, *, held: bool) -> tuple[Hashable, ...] | None:
    """What tells one commit from others, however often it is tried; None for one that is nobody's work."""
    moves = [(move.name, move.position) for move in batch.moves if move.position > max(move.expected, 0)]
    if moves:
        return (_EVENTS, *moves)
    if not (held or batch.appends or batch.rows or batch.reply):
        return None
    return (_COMMAND, *(draft.type for append in batch.appends for draft in append.events))


@final
class _FaultyTransaction(TransactionFront):
    """A transaction of a `FaultyStore`."""

    __slots__ = ("_store",)

    def __init__(self, store: FaultyStore, behind: Transaction) -> None:
        super().__init__(behind)
        self._store = store

    async def run(self, work: Callable[[Any], T]) -> T:
        self._store.require_alive()
        return await super().run(work)

    async def change(self, rows: Sequence[RowChange]) -> None:
        self._store.require_alive()
        await super().change(rows)

    async def claim(self, key: bytes, now: datetime, wait: float) -> Reply | None:
        self._store.require_alive()
        return await super().claim(key, now, wait)

    async def commit(self, batch: Batch) -> Committed:
        return await self._store.at_commit(batch, super().commit, held=self.begun)


@final
class _LateLog:
    """A log whose end is not seen while its store is late."""

    __slots__ = ("_store",)

    def __init__(self, store: FaultyStore) -> None:
        self._store = store

    async def head(self) -> int:
        return 0 if self._store.late else await self._store.behind.log.head()

    async def epoch(self) -> str:
        return await self._store.behind.log.epoch()

    async def read(self, after: int, *, until: int, limit: int, where: Sequence[Selection] = ()) -> Sequence[Recorded]:
        return await self._store.behind.log.read(after, until=until, limit=limit, where=where)

    async def read_stream(self, stream: str, *, after: int = 0, limit: int = 1000) -> Sequence[Recorded]:
        return await self._store.behind.log.read_stream(stream, after=after, limit=limit)


@final
class _LateWakeup:
    """Wakes nobody for what they do not see while the store is late: they would look again and again."""

    __slots__ = ("_store",)

    def __init__(self, store: FaultyStore) -> None:
        self._store = store

    async def wait(self, after: int, timeout: float) -> None:
        if self._store.late:
            await self._store.appearing.wait(0, timeout)
        else:
            await self._store.behind.wakeup.wait(after, timeout)
