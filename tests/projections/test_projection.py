"""Projections: read off a class once, and the same whether they run inline or behind the log."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from twofold.clock import new_id
from twofold.dispatch import ProjectionDeclaration
from twofold.errors import FaultError, WiringError
from twofold.messages import Catalogue, Context, Event
from twofold.projections import Projection, Projector, Rows, inline_rows
from twofold.store import Add, Batch, Delete, Fact, MemoryStore, Move, Recorded, Selection, UnitOfWork, Upsert, decode

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Placed(Event):
    """An event."""

    id: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Cancelled(Event):
    """Another."""

    id: int


@dataclass(frozen=True, kw_only=True)
class Unwanted(Event):
    """One that no projection wants."""


class Summary:
    """Orders and their sum."""

    def placed(self, event: Placed, rows: Rows, recorded: Recorded) -> None:
        """A row, and a sum."""
        rows.upsert("orders", {"id": event.id}, total=event.total, version=recorded.version)
        rows.add("sums", {"name": "all"}, total=event.total, orders=1)

    def cancelled(self, event: Cancelled, rows: Rows) -> None:
        """No row any more."""
        rows.delete("orders", {"id": event.id})

    def _private(self, anything: Any) -> None:
        """Not for events."""


def projection(cls: type, name: str = "summary") -> Projection:
    """Read it off a class."""
    return Projection.of(ProjectionDeclaration(name=name, mode="async", cls=cls, tables=("orders", "sums")))


@pytest.fixture
async def store() -> AsyncIterator[MemoryStore]:
    """An open store of its own for each test."""
    store = MemoryStore()
    await store.start()
    yield store
    await store.stop()


def catalogue() -> Catalogue:
    """The events of this file."""
    found = Catalogue()
    for cls in (Placed, Cancelled, Unwanted):
        found.add(cls)
    return found


def test_it_wants_the_events_of_its_public_methods() -> None:
    """And is given what they ask for, by type."""
    summary = projection(Summary)
    assert set(summary.events) == {Placed, Cancelled}
    assert (summary.name, summary.mode, summary.tables) == ("summary", "async", ("orders", "sums"))


async def test_inline_and_behind_the_log_it_makes_the_same_rows(store: MemoryStore) -> None:
    """One switch, and no second meaning."""
    other = MemoryStore()
    await other.start()
    known = catalogue()
    for target, inline in ((store, inline_rows([projection(Summary)])), (other, None)):
        unit = UnitOfWork(target, known, Context(), inline)
        unit.append("order-1", Placed(id=1, total=5), Unwanted(), expected=0)
        unit.append("order-2", Placed(id=2, total=7), expected=0)
        unit.append("order-1", Cancelled(id=1), expected=2)
        await unit.commit()
    facts = decode(known, await other.log.read(0, until=4, limit=10))
    await Projector(projection(Summary), other, known).handle(facts, Batch(moves=(Move("summary", 4, 0),)))

    def rows(tables: Any) -> list[Any]:
        return [list(tables.rows("orders")), list(tables.rows("sums"))]

    assert await store.read(rows) == await other.read(rows)
    assert await store.read(rows) == [
        [{"id": 2, "total": 7, "version": 1}],
        [{"name": "all", "total": 12, "orders": 2}],
    ]
    assert (await other.checkpoints.get("summary")).position == 4


async def test_its_rows_and_its_checkpoint_are_one(store: MemoryStore) -> None:
    """When somebody else has moved it, its rows are not written either."""
    known = catalogue()
    unit = UnitOfWork(store, known, Context())
    unit.append("order-1", Placed(id=1, total=5))
    await unit.commit()
    facts = decode(known, await store.log.read(0, until=1, limit=10))
    projector = Projector(projection(Summary), store, known)
    await projector.handle(facts, Batch(moves=(Move("summary", 1, 0),)))
    with pytest.raises(Exception, match="another owner moved it"):
        await projector.handle(facts, Batch(moves=(Move("summary", 1, 0),)))
    assert await store.read(lambda tables: tables.row("sums", name="all")) == {"name": "all", "total": 5, "orders": 1}


def test_a_projector_asks_the_log_for_its_events_only() -> None:
    """By their wire names."""
    projector = Projector(projection(Summary), MemoryStore(), catalogue())
    assert projector.selection == Selection(types=frozenset({"cancelled", "placed"}))
    assert projector.name == "summary"
    assert projector.batch_size > 1


def test_no_inline_projection_costs_nothing() -> None:
    """There is nothing to run."""
    assert inline_rows([]) is None


def test_rows_are_collected_in_order() -> None:
    """As data, for the store to write."""
    rows = Rows()
    rows.upsert("a", {"table": 1}, key=2)
    rows.add("b", {"id": 1}, amount=3)
    rows.delete("c", {"id": 1})
    assert rows.changes == [
        Upsert("a", {"table": 1}, {"key": 2}),
        Add("b", {"id": 1}, {"amount": 3}),
        Delete("c", {"id": 1}),
    ]


class IsAsync:
    """A mistake."""

    async def placed(self, event: Placed, rows: Rows) -> None:
        """Awaits what cannot be awaited in a transaction."""


class Twice:
    """A mistake."""

    def placed(self, event: Placed, rows: Rows) -> None:
        """One."""

    def placed_too(self, event: Placed, rows: Rows) -> None:
        """Which of the two?"""


class Nothing:
    """A mistake."""


class NoEvent:
    """A mistake."""

    def placed(self, event: int, rows: Rows) -> None:
        """Not an event."""


class Unfillable:
    """A mistake."""

    def placed(self, event: Placed, session: int) -> None:
        """Nothing can fill it."""


@pytest.mark.parametrize(
    "cls, fault",
    [
        (IsAsync, "IsAsync.placed is async"),
        (Twice, "Twice handles Placed twice"),
        (Nothing, "Nothing handles no event"),
        (NoEvent, "NoEvent.placed"),
        (Unfillable, "'session'"),
    ],
)
def test_a_projection_that_cannot_be_understood_is_refused_by_name(cls: type, fault: str) -> None:
    """At the start, and not at its first event."""
    with pytest.raises(WiringError, match=fault):
        projection(cls)


class Stray:
    """A mistake that only its body shows."""

    def placed(self, event: Placed, rows: Rows) -> None:
        """Change a table that is not declared."""
        rows.upsert("order", {"id": event.id})


@pytest.mark.parametrize("change", ["upsert", "add", "delete"])
def test_a_table_that_is_not_declared_is_named_with_its_projection(change: str) -> None:
    """At the first event that changes it, where it does, and before anything is asked of the store."""
    rows = Rows(("orders", "sums"), "summary")
    with pytest.raises(FaultError) as refused:
        getattr(rows, change)("order", {"id": 1})
    fault = refused.value.fault
    assert (fault.where, fault.code) == ("projection summary", "undeclared_table")
    assert fault.text == "changes the table order, which is not among its tables"
    assert fault.hint == "@module.projection('summary', tables=[..., order])"
    assert rows.changes == []


async def test_nothing_is_written_of_a_projection_that_strays(store: MemoryStore) -> None:
    """Inline, its command's events are not either; behind the log, its checkpoint stays."""
    known = catalogue()
    unit = UnitOfWork(store, known, Context(), inline_rows([projection(Stray)]))
    unit.append("order-1", Placed(id=1, total=5))
    with pytest.raises(FaultError, match="projection summary changes the table order"):
        await unit.commit()
    assert await store.log.head() == 0
    unit = UnitOfWork(store, known, Context())
    unit.append("order-1", Placed(id=1, total=5))
    await unit.commit()
    facts = decode(known, await store.log.read(0, until=1, limit=10))
    with pytest.raises(FaultError, match="projection summary changes the table order"):
        await Projector(projection(Stray), store, known).handle(facts, Batch(moves=(Move("summary", 1, 0),)))
    assert (await store.checkpoints.get("summary")).position == 0


class Base(DeclarativeBase):
    """The mapped classes of this file."""


class OrderRow(Base):
    """A mapped class."""

    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)


class LineRow(Base):
    """Another."""

    __tablename__ = "lines"

    id: Mapped[int] = mapped_column(primary_key=True)


class Filling:
    """Names its table in both ways."""

    def placed(self, event: Placed, rows: Rows) -> None:
        """Change it by its class, and as a table."""
        rows.upsert(OrderRow, {"id": event.id})
        rows.delete(OrderRow.__table__, {"id": event.id})


@pytest.mark.parametrize("declared", [OrderRow, OrderRow.__table__], ids=["mapped class", "table"])
def test_a_mapped_class_and_its_table_are_one(declared: Any) -> None:
    """Whichever of them is declared; another mapped class is another table."""
    filling = Projection.of(ProjectionDeclaration(name="filling", mode="async", cls=Filling, tables=(declared,)))
    recorded = Recorded(1, "order-1", 1, new_id(), "placed", 1, b"{}", {}, datetime.now(UTC))
    assert len(filling.rows([Fact(Placed(id=1, total=5), recorded)])) == 2
    with pytest.raises(FaultError, match=r"changes the table LineRow.*tables=\[\.\.\., LineRow\]"):
        Rows(filling.tables, "filling").upsert(LineRow, {"id": 1})
