"""Running projections: behind the log as subscribers, or inside the transaction that appends."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import final

from twofold.dispatch import Start
from twofold.messages import Catalogue, Context
from twofold.projections._projection import Projection
from twofold.store import Batch, Fact, Inline, Selection, Store, UnitOfWork, working

_BATCH = 500
_SLOW_BATCH = 50  # with SQL of its own it holds the writer's turn, and commands wait for it


@final
class Projector:
    """A projection that follows the log: its rows and its checkpoint move in one transaction.

    Args:
        projection: The projection.
        store: Where its rows go.
        catalogue: Where its events have their wire names.
    """

    def __init__(self, projection: Projection, store: Store, catalogue: Catalogue) -> None:
        self._projection = projection
        self._store = store
        self._catalogue = catalogue
        self.selection = Selection(types=frozenset(catalogue.of(event).name for event in projection.events))
        self.start: Start = "beginning"
        self.partitions = 1

    @property
    def name(self) -> str:
        """The projection's name."""
        return self._projection.name

    @property
    def batch_size(self) -> int:
        """How many events it takes in one transaction."""
        return _SLOW_BATCH if self._projection.takes_session else _BATCH

    async def handle(self, facts: Sequence[Fact], settled: Batch) -> None:
        """Write what the projection makes of events, with its checkpoint."""
        if not self._projection.takes_session:
            await self._store.commit(replace(settled, rows=tuple(self._projection.rows(facts))))
            return
        async with working(UnitOfWork(self._store, self._catalogue, Context())) as unit:
            unit.settle(settled)
            await self._projection.fill(facts, unit)
            await unit.commit()


def inline_rows(projections: Iterable[Projection]) -> Inline | None:
    """What several projections do with the events of one unit of work; None when there are no projections."""
    running = tuple(projections)

    async def fill(facts: Sequence[Fact], unit: UnitOfWork) -> None:
        for projection in running:
            await projection.fill(facts, unit)

    return fill if running else None
