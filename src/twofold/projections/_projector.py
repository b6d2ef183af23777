"""Running projections: behind the log as subscribers, or inside the transaction that appends."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, final

from twofold.dispatch import Start
from twofold.errors import CheckpointMoved
from twofold.messages import Catalogue, Context
from twofold.projections._again import seen_again
from twofold.projections._place import Place, checkpoint_beside
from twofold.projections._projection import Projection
from twofold.projections._rows import table_behind
from twofold.store import (
    Add,
    Aside,
    Batch,
    Delete,
    Fact,
    Inline,
    RowChange,
    Selection,
    Store,
    UnitOfWork,
    Upsert,
    working,
)

_BATCH = 500
_SLOW_BATCH = 50  # with SQL of its own it holds the writer's turn, and commands wait for it


@final
class Projector:
    """A projection that follows the log: its rows and its checkpoint move in one transaction.

    Args:
        projection: The projection.
        store: Where its rows go.
        catalogue: Where its events have their wire names.
        place: Where its tables stand, and its checkpoint with them; the live ones unless given.
    """

    def __init__(
        self, projection: Projection, store: Store, catalogue: Catalogue, *, place: Place | None = None
    ) -> None:
        self.name = projection.name if place is None else checkpoint_beside(projection.name, place)
        self._projection = projection
        self._store = store
        self._catalogue = catalogue
        self._asides = None if place is None else _asides(projection.tables, place)
        self.selection = Selection(types=catalogue.stored_as(projection.events))
        self.start: Start = "beginning"
        self.partitions = 1
        self.version = projection.version
        self.inline = projection.mode == "inline"

    @property
    def batch_size(self) -> int:
        """How many events it takes in one transaction."""
        return _SLOW_BATCH if self._projection.takes_session else _BATCH

    async def handle(self, facts: Sequence[Fact], settled: Batch) -> None:
        """Write what the projection makes of events, with its checkpoint.

        What was parked changes rows that views have been made of, so they see it again.

        Raises:
            CheckpointMoved: Another owner has moved it, or another version has taken the place.
        """
        freed = min((position for _, position in settled.frees), default=None)
        if freed is None or self._asides is not None:
            await self._write(facts, settled)
            return
        while True:
            views = await seen_again(self._projection, freed, self._store.checkpoints)
            try:
                await self._write(facts, settled._replace(moves=(*settled.moves, *views)))
            except CheckpointMoved as error:
                if error.name not in {view.name for view in views}:
                    raise
                continue  # it has been refreshed meanwhile, maybe without these rows
            return

    async def _write(self, facts: Sequence[Fact], settled: Batch) -> None:
        if self._projection.takes_session:
            async with working(UnitOfWork(self._store, self._catalogue, Context())) as unit:
                unit.settle(settled)
                await self._projection.fill(facts, unit)
                await unit.commit()
            return
        await self._store.commit(settled._replace(rows=self.rows(facts)))

    def rows(self, facts: Sequence[Fact]) -> tuple[RowChange, ...]:
        """What the projection makes of events, in its tables, when no method of it takes a session."""
        changes = self._projection.rows(facts)
        return tuple(changes if self._asides is None else (_put_aside(change, self._asides) for change in changes))


def _asides(tables: tuple[Any, ...], place: Place) -> dict[Any, Aside]:
    """What stands beside each table, however a projection names it."""
    asides = {table: Aside(table, place, tables) for table in tables}
    return asides | {table_behind(table): aside for table, aside in asides.items()}


def _put_aside(change: RowChange, asides: Mapping[Any, Aside]) -> RowChange:
    table = change.table
    aside = asides.get(table) or asides[table_behind(table)]
    match change:
        case Upsert(key=key, values=values):
            return Upsert(aside, key, values)
        case Add(key=key, amounts=amounts):
            return Add(aside, key, amounts)
        case Delete(key=key):
            return Delete(aside, key)


def inline_rows(projections: Iterable[Projection]) -> Inline | None:
    """What several projections do with the events of one unit of work; None when there are no projections."""
    running = tuple(projections)

    async def fill(facts: Sequence[Fact], unit: UnitOfWork) -> None:
        for projection in running:
            await projection.fill(facts, unit)

    return fill if running else None
