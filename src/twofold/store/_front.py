"""A store, and a transaction, that pass everything on to the one behind them: bases of those that change some of it."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, TypeVar

from twofold.store._audit_trail import AuditTrail
from twofold.store._batch import Batch, Committed
from twofold.store._checkpoint import Checkpoints
from twofold.store._log import Log, Wakeup
from twofold.store._parked import ParkedEvents
from twofold.store._port import Store, Transaction
from twofold.store._rearrangement import Rearrangement
from twofold.store._replies import Reply
from twofold.store._rows import RowChange
from twofold.store._snapshot import Snapshot

T = TypeVar("T")


class StoreFront:
    """A `Store` in front of another one; each method is that of the other one.

    Args:
        behind: The other one.
    """

    def __init__(self, behind: Store) -> None:
        self.behind = behind

    @property
    def log(self) -> Log:
        """The log."""
        return self.behind.log

    @property
    def wakeup(self) -> Wakeup:
        """What tells followers of the log."""
        return self.behind.wakeup

    @property
    def checkpoints(self) -> Checkpoints:
        """Where followers stand."""
        return self.behind.checkpoints

    @property
    def parked(self) -> ParkedEvents:
        """What followers have put aside."""
        return self.behind.parked

    @property
    def audit(self) -> AuditTrail:
        """The audit trail."""
        return self.behind.audit

    async def start(self) -> None:
        """Open it."""
        await self.behind.start()

    async def stop(self) -> None:
        """Close it."""
        await self.behind.stop()

    async def commit(self, batch: Batch) -> Committed:
        """Write a batch."""
        return await self.behind.commit(batch)

    async def read(self, work: Callable[[Any], T]) -> T:
        """Read from it."""
        return await self.behind.read(work)

    async def find_reply(self, key: bytes, now: datetime) -> Reply | None:
        """Find a reply."""
        return await self.behind.find_reply(key, now)

    async def find_received(self, keys: Collection[bytes]) -> Collection[bytes]:
        """Find messages that were dealt with."""
        return await self.behind.find_received(keys)

    async def find_snapshot(self, stream: str) -> Snapshot | None:
        """Find a snapshot."""
        return await self.behind.find_snapshot(stream)

    def begin(self) -> Transaction:
        """A transaction of it."""
        return self.behind.begin()

    async def create_tables(self, tables: Collection[Any]) -> None:
        """Create tables in it."""
        await self.behind.create_tables(tables)

    async def rearrange(self, change: Rearrangement) -> None:
        """Rearrange it."""
        await self.behind.rearrange(change)


class TransactionFront:
    """A `Transaction` in front of another one; each method is that of the other one.

    Args:
        behind: The other one.
    """

    __slots__ = ("_behind",)

    def __init__(self, behind: Transaction) -> None:
        self._behind = behind

    @property
    def begun(self) -> bool:
        """Whether something has run in it."""
        return self._behind.begun

    async def run(self, work: Callable[[Any], T]) -> T:
        """Run a function in it."""
        return await self._behind.run(work)

    async def change(self, rows: Sequence[RowChange]) -> None:
        """Change rows in it."""
        await self._behind.change(rows)

    async def claim(self, key: bytes, now: datetime, wait: float) -> Reply | None:
        """Claim a key in it."""
        return await self._behind.claim(key, now, wait)

    async def mark(self) -> None:
        """Remember how far it is."""
        await self._behind.mark()

    async def revert(self) -> None:
        """Undo what has run since the mark."""
        await self._behind.revert()

    async def commit(self, batch: Batch) -> Committed:
        """Commit it, with a batch."""
        return await self._behind.commit(batch)

    async def rollback(self) -> None:
        """Undo it."""
        await self._behind.rollback()
