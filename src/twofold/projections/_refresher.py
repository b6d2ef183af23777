"""Refreshing a view: a subscriber whose work is a few statements, in one transaction with its checkpoint."""

from collections.abc import Collection, Sequence
from typing import Any, final

from twofold.clock import Clock
from twofold.dispatch import Start
from twofold.errors import CheckpointMoved, Classifier, Unavailable, ViewNotRefreshed
from twofold.messages import Context
from twofold.projections._due import DUE, ClockDue, EventsDue, Feeder
from twofold.projections._projection import SessionOf
from twofold.store import Batch, Fact, Selection, Store, UnitOfWork, working
from twofold.subscriptions import Source


@final
class Refresher:
    """Keeps a view; a `Subscriber` of the source that says when.

    Args:
        name: The view's name; its checkpoint is kept under it.
        statements: What refreshes it.
        types: The wire names of the events that it is refreshed on; empty for one that goes by the clock.
        every: The interval of the clock, in seconds.
        feeders: What fills its tables, and so comes first.
        store: The store that it is in.
        session_of: Gives the session that the statements run in.
    """

    def __init__(
        self,
        *,
        name: str,
        statements: Sequence[Any],
        types: Collection[str],
        every: float | None,
        feeders: Sequence[Feeder],
        store: Store,
        session_of: SessionOf,
    ) -> None:
        self.name = name
        self.types = frozenset(types)
        self.selection = Selection(types=self.types)
        self.start: Start = "beginning"
        self.batch_size = 2  # a source of what is due gives one entry, and so never a full page
        self.partitions = 1
        self.version = 0
        self._statements = statements
        self.every = every
        self._feeders = feeders
        self._store = store
        self._session_of = session_of

    def source(self, log: Source, clock: Clock) -> Source:
        """What it follows.

        Args:
            log: The log of the store.
            clock: Tells the time.
        """
        checkpoints = self._store.checkpoints
        if self.every is not None:
            return ClockDue(self.name, clock, checkpoints, self.every)
        return EventsDue(self.name, log, checkpoints, self._feeders)

    async def handle(self, facts: Sequence[Fact], settled: Batch) -> None:
        """Refresh the view.

        Raises:
            CheckpointMoved: Another process has done so.
            Unavailable: It cannot be refreshed now; no event is to blame for that, so it is tried again and again.
            ViewNotRefreshed: Its query fails; neither is an event to blame for that.
        """
        try:
            async with working(UnitOfWork(self._store, DUE, Context())) as unit:
                unit.settle(settled)
                session = self._session_of(unit)
                for statement in self._statements:
                    await session.execute(statement)
                await unit.commit()
        except CheckpointMoved:
            raise
        except Exception as error:
            if Classifier().of_exception(error) is None:
                raise ViewNotRefreshed(name=self.name, cause=str(error).partition("\n")[0]) from error
            raise Unavailable(f"view {self.name} cannot be refreshed: {error}") from error
