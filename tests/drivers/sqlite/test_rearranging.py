"""Tables that change their names in SQLite: references, views, indexes and readers see the right one."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from twofold.drivers.sqlite import SqliteStore
from twofold.errors import WiringError
from twofold.sql import table_of
from twofold.store import Aside, Batch, Checkpoint, Delete, Move, Rearrangement, Upsert, beside, table_name

pytestmark = pytest.mark.anyio


class Base(DeclarativeBase):
    pass


class Country(Base):
    __tablename__ = "country"
    id: Mapped[int] = mapped_column(primary_key=True)


class Line(Base):
    __tablename__ = "line"
    id: Mapped[int] = mapped_column(primary_key=True)
    order: Mapped[int] = mapped_column("order_id", ForeignKey("bill.id"), index=True)
    country: Mapped[int | None] = mapped_column(ForeignKey(Country.id))


class Bill(Base):
    __tablename__ = "bill"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(index=True)
    before: Mapped[int | None] = mapped_column(ForeignKey("bill.id"))
    __table_args__ = (UniqueConstraint("text", "before", name="bill_once"),)


TABLES = (Line, Bill)  # the one that refers comes first
NAMES = tuple(map(table_name, TABLES))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[SqliteStore]:
    """A store with live rows, and others beside them."""
    store = SqliteStore(tmp_path / "bills.db")
    await store.start()
    await store.create_tables([*TABLES, Country])
    await store.commit(Batch(rows=_rows(Bill, Line, "old"), moves=(Move("bills", 1, 0),)))
    await build(store)
    yield store
    await store.stop()


def _rows(bill: Any, line: Any, text: str) -> tuple[Upsert, ...]:
    return Upsert(bill, {"id": 1}, {"text": text}), Upsert(line, {"id": 1}, {"order": 1})


def side(table: Any) -> Aside:
    return Aside(table, "next", TABLES)


async def build(store: SqliteStore) -> None:
    """Build new rows beside the live ones."""
    place = Checkpoint(name="bills@next", version=2, tables=NAMES)
    await store.rearrange(Rearrangement(creates=tuple(map(side, TABLES)), places=(place,)))
    await store.commit(Batch(rows=_rows(side(Bill), side(Line), "new")))


async def switch(store: SqliteStore) -> None:
    """Let them take the place."""
    await store.rearrange(
        Rearrangement(
            drops=tuple(beside(name, "previous") for name in reversed(NAMES)),
            forgets=("bills@previous",),
            renames=(
                *((name, beside(name, "previous")) for name in NAMES),
                *((beside(name, "next"), name) for name in NAMES),
            ),
            checkpoints=(("bills", "bills@previous"), ("bills@next", "bills")),
            tables=NAMES,
        )
    )


async def sql(store: SqliteStore, statement: str) -> list[Any]:
    """Rows of a query."""
    return await store.read(lambda connection: connection.execute(statement).fetchall())


async def write(store: SqliteStore, statement: str) -> None:
    """One statement of somebody else's."""
    transaction = store.begin()
    await transaction.run(lambda connection: connection.execute(statement))
    await transaction.commit(Batch())


async def test_references_stay_within_their_side(store: SqliteStore) -> None:
    """A line refers to a bill of its own side before and after the switch, and the database holds it."""
    await switch(store)
    for suffix in ("", "__previous"):
        keys = await sql(store, f"PRAGMA foreign_key_list(line{suffix})")
        assert {row[2] for row in keys} == {f"bill{suffix}", "country"}
        assert {row[2] for row in await sql(store, f"PRAGMA foreign_key_list(bill{suffix})")} == {f"bill{suffix}"}
    with pytest.raises(Exception, match="FOREIGN KEY"):
        await store.commit(Batch(rows=(Upsert(Line, {"id": 2}, {"order": 99}),)))
    with pytest.raises(Exception, match="FOREIGN KEY"):
        await store.commit(Batch(rows=(Delete(Bill, {"id": 1}),)))
    assert await sql(store, "PRAGMA foreign_key_check") == []
    assert await sql(store, "SELECT text FROM bill JOIN line ON bill.id = order_id") == [("new",)]


async def test_switches_go_on_for_ever(store: SqliteStore) -> None:
    """Indexes and keys have one set for each side, however often it switches, and starting creates no second one."""
    for _ in range(4):
        await switch(store)
        await build(store)
        await store.create_tables([*TABLES, Country])
    indexes = "SELECT tbl_name, count(*) FROM sqlite_master WHERE type = 'index' AND sql <> ''"
    found = await sql(store, f"{indexes} AND tbl_name NOT LIKE 'twofold%' GROUP BY 1")
    assert dict(found) == {f"{table}{side}": 1 for table in ("bill", "line") for side in ("", "__next", "__previous")}
    plan = await sql(store, "EXPLAIN QUERY PLAN SELECT * FROM line WHERE order_id = 1")
    assert "INDEX ix_line_order_id__" in plan[0][3]


async def test_a_view_shows_the_live_rows(store: SqliteStore) -> None:
    """It means the table by its name, before and after the switch."""
    await write(store, "CREATE VIEW shown AS SELECT bill.text FROM line JOIN bill ON bill.id = line.order_id")
    assert await sql(store, "SELECT * FROM shown") == [("old",)]
    await switch(store)
    assert await sql(store, "SELECT * FROM shown") == [("new",)]


async def test_a_reference_from_outside_is_refused(store: SqliteStore) -> None:
    """It would go with the old rows; nothing is changed."""
    await write(store, "CREATE TABLE note (id INTEGER PRIMARY KEY, bill INTEGER REFERENCES bill (id))")
    with pytest.raises(WiringError, match="table 'note' refers to 'bill'"):
        await switch(store)
    assert await sql(store, "SELECT text FROM bill") == [("old",)]
    assert (await store.checkpoints.get("bills@next")).version == 2


async def test_a_reader_sees_the_side_that_it_began_with_to_its_end(store: SqliteStore) -> None:
    """It reads one table before the switch and the other one after it, and both belong together."""
    began, switched = threading.Event(), threading.Event()

    def look(connection: Any) -> tuple[Any, Any]:
        before = connection.execute("SELECT text FROM bill").fetchone()
        began.set()
        assert switched.wait(10)
        return before, connection.execute("SELECT text FROM line JOIN bill ON bill.id = order_id").fetchone()

    reading = asyncio.ensure_future(store.read(look))
    assert await asyncio.to_thread(began.wait, 10)
    await switch(store)
    switched.set()
    assert await reading == (("old",), ("old",))
    assert await sql(store, "SELECT text FROM bill") == [("new",)]


async def test_a_table_is_created_with_its_indexes_or_left_alone(store: SqliteStore) -> None:
    """An index that somebody has dropped stays dropped."""
    await write(store, "DROP INDEX ix_bill_text")
    await store.create_tables(TABLES)
    found = await sql(store, "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'bill' AND sql <> ''")
    assert found == []


def test_a_table_aside_is_read_under_the_names_of_the_live_one() -> None:
    """Its columns have the same keys, types and attributes; its siblings are its own."""
    aside = table_of(side(Line))
    assert aside is table_of(side(Line))
    assert (aside.name, [*aside.c.keys()]) == ("line__next", [*table_of(Line).c.keys()])
    assert {key.column.table.name for key in aside.foreign_keys} == {"bill__next", "country"}
