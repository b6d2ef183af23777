"""Running projections: behind the log as subscribers, or inside the transaction that appends."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import final

from twofold.dispatch import Start
from twofold.messages import Catalogue
from twofold.projections._projection import Projection
from twofold.store import Batch, Fact, Inline, RowChange, Selection, Store

_BATCH = 500


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
        return _BATCH

    async def handle(self, facts: Sequence[Fact], settled: Batch) -> None:
        """Write what the projection makes of events, with its checkpoint."""
        await self._store.commit(replace(settled, rows=tuple(self._projection.rows(facts))))


def inline_rows(projections: Iterable[Projection]) -> Inline | None:
    """What several projections make of the events of one unit of work; None when there are no projections."""
    running = tuple(projections)

    def rows(facts: Sequence[Fact]) -> Sequence[RowChange]:
        return [change for projection in running for change in projection.rows(facts)]

    return rows if running else None
