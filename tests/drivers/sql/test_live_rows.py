"""Rows that are folded in memory are those that the database would have, default by default and type by type."""

import sqlite3
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Computed, DateTime, Integer, MetaData, String, Table, func, select
from sqlalchemy.orm import Mapped, mapped_column

from tests.drivers.sql.test_rows import VALUES, Base, Everything, columns
from twofold.drivers.sqlite._rows import apply_rows, create_tables
from twofold.drivers.sqlite._statements import dialect
from twofold.errors import WiringError
from twofold.sql import ExactDecimal, LiveTables, Sessions, live_tables, unmade_columns
from twofold.store import Add, Batch, Delete, RowChange, Store, Upsert

COUNTED = Table(
    "counted",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", String),
    Column("from_five", Integer, default=5),
    Column("made", Integer, default=lambda: 7, onupdate=lambda: 8),
    Column("total", ExactDecimal()),
)

money = st.integers(-999, 999).map(lambda cents: Decimal(cents).scaleb(-2))
keys = st.fixed_dictionaries({"id": st.integers(1, 3)})
values = st.fixed_dictionaries(
    {}, optional={"name": st.sampled_from("abc"), "from_five": st.none() | st.integers(-9, 9), "total": money}
)
amounts = st.fixed_dictionaries({}, optional={"from_five": st.integers(-9, 9), "total": money})


@given(
    st.lists(
        st.builds(Upsert, st.just(COUNTED), keys, values)
        | st.builds(Add, st.just(COUNTED), keys, amounts)
        | st.builds(Delete, st.just(COUNTED), keys),
        max_size=15,
    )
)
def test_any_changes_end_as_in_the_database(changes: list[RowChange]) -> None:
    """Also where a number starts from a default, and where a column is NULL."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        create_tables(connection, [COUNTED])
        for change in changes:
            apply_rows(connection, [change])
        stored = connection.execute("SELECT * FROM counted ORDER BY id").fetchall()
    finally:
        connection.close()
    live = LiveTables(dialect)
    live.change(changes)
    rows = [row | {"total": None if row["total"] is None else int(row["total"] * 100)} for row in live.rows(COUNTED)]
    assert sorted(tuple(row.values()) for row in rows) == stored


class Times(Base):
    """A time with its zone, which SQLite does not keep, and a column under another name."""

    __tablename__ = "times"

    number: Mapped[int] = mapped_column("id", primary_key=True)
    at: Mapped[datetime] = mapped_column("happened_at", DateTime(timezone=True))


@pytest.mark.anyio
@pytest.mark.parametrize("given_values", [VALUES, dict.fromkeys(VALUES)], ids=["values", "nothing"])
async def test_values_come_back_as_from_the_database(
    store: Store, sessions: Sessions, given_values: dict[str, Any]
) -> None:
    """Of every type, as instances of the mapped class, with no session behind them."""
    changes = (Upsert(Everything, {"id": VALUES["other"]}, given_values),)
    await store.create_tables([Everything])
    await store.commit(Batch(rows=changes))
    live = live_tables(sessions)()
    live.change(changes)
    async with sessions.read() as session:
        stored = (await session.scalars(select(Everything))).one()
    (row,) = live.rows(Everything)
    assert isinstance(row, Everything)
    assert columns(row) == columns(stored)
    assert str(row.money) == str(stored.money)
    assert columns(live.row(Everything, id=VALUES["other"])) == columns(stored)


@pytest.mark.anyio
async def test_what_the_database_does_not_keep_is_gone(database: str, store: Store, sessions: Sessions) -> None:
    """A zone, on SQLite: a handler that is switched sees no difference."""
    changes = (Upsert(Times, {"number": 1}, {"at": datetime(2026, 1, 2, 3, tzinfo=UTC)}),)
    await store.create_tables([Times])
    await store.commit(Batch(rows=changes))
    live = live_tables(sessions)()
    live.change(changes)
    async with sessions.read() as session:
        stored = (await session.scalars(select(Times))).one()
    (row,) = live.rows(Times)
    assert (row.number, row.at) == (stored.number, stored.at)
    assert (row.at.tzinfo is None) == (database == "sqlite")


def test_a_row_without_what_it_must_have_is_refused() -> None:
    """As the database refuses it, and by name."""
    live = LiveTables(dialect)
    strict = Table(
        "strict", MetaData(), Column("id", Integer, primary_key=True), Column("name", String, nullable=False)
    )
    with pytest.raises(WiringError, match="'strict' has no name, which must not be NULL"):
        live.change([Upsert(strict, {"id": 1}, {})])
    assert live.row(strict, id=1) is None


def test_columns_that_only_a_database_makes() -> None:
    """A live projection has no value for them, and the start says so."""
    table = Table(
        "made",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("python", Integer, default=1, onupdate=lambda: 2),
        Column("sql", String, default=func.upper("y")),
        Column("server", String, server_default="z"),
        Column("computed", String, Computed("sql || '!'")),
    )
    assert list(unmade_columns(table)) == ["made.sql", "made.server", "made.computed"]
