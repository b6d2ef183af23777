"""Row changes end in the database as they would one after the other, and come back as they went."""

import enum
import sqlite3
from collections.abc import Generator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Computed,
    Date,
    DateTime,
    Enum,
    Float,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Sequence,
    String,
    Table,
    Text,
    Time,
    Uuid,
    func,
    select,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from tests.drivers.sqlite_sql.shop import Customer
from twofold.drivers.sqlite import SqliteStore
from twofold.drivers.sqlite._rows import apply_rows, create_tables
from twofold.drivers.sqlite.sql import SqliteSessions
from twofold.errors import WiringError
from twofold.sql import ExactDecimal
from twofold.store import Add, Batch, Delete, RowChange, Upsert


class Status(enum.Enum):
    PLACED = "placed"
    PAID = "paid"


class LowerCase(TypeDecorator[str]):
    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        return None if value is None else value.lower()


class Base(DeclarativeBase):
    pass


class Everything(Base):
    __tablename__ = "everything"
    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    text: Mapped[Any | None] = mapped_column(Text)
    lower: Mapped[Any | None] = mapped_column(LowerCase)
    whole: Mapped[Any | None] = mapped_column(BigInteger)
    yes: Mapped[Any | None] = mapped_column(Boolean)
    real: Mapped[Any | None] = mapped_column(Float)
    money: Mapped[Any | None] = mapped_column(ExactDecimal(scale=4))
    moment: Mapped[Any | None] = mapped_column(DateTime)
    day: Mapped[Any | None] = mapped_column(Date)
    hour: Mapped[Any | None] = mapped_column(Time)
    wait: Mapped[Any | None] = mapped_column(Interval)
    status: Mapped[Any | None] = mapped_column(Enum(Status))
    other: Mapped[Any | None] = mapped_column(Uuid)
    document: Mapped[Any | None] = mapped_column(JSON)
    raw: Mapped[Any | None] = mapped_column(LargeBinary)


VALUES: dict[str, Any] = {
    "text": "Grüße, 'Welt'; --",
    "lower": "ADA@EXAMPLE.ORG",
    "whole": 2**62,
    "yes": True,
    "real": 0.1,
    "money": Decimal("12345678901234.5678"),
    "moment": datetime(2026, 1, 2, 3, 4, 5, 678901),  # noqa: DTZ001
    "day": date(2026, 1, 2),
    "hour": time(3, 4, 5),
    "wait": timedelta(days=3, microseconds=5),
    "status": Status.PAID,
    "other": UUID(int=7),
    "document": {"a": [1, None, {"b": "c"}]},
    "raw": b"\x00\xff",
}


def columns(entity: Everything) -> dict[str, Any]:
    return {name: getattr(entity, name) for name in VALUES}


@pytest.mark.anyio
@pytest.mark.parametrize("values", [VALUES, dict.fromkeys(VALUES)], ids=["values", "nothing"])
async def test_values_come_back_as_a_session_s_own(
    store: SqliteStore, sessions: SqliteSessions, values: dict[str, Any]
) -> None:
    """A value of any type that a row change writes reads back exactly as one that a session wrote."""
    await store.create_tables([Everything])
    await store.commit(Batch(rows=(Upsert(Everything, {"id": UUID(int=1)}, values),)))
    transaction = store.begin()
    session = sessions.write(transaction)
    session.add(Everything(id=UUID(int=2), **values))
    await session.flush()
    session.expunge_all()
    ours, theirs = (await session.scalars(select(Everything).order_by(Everything.id))).all()
    assert columns(ours) == columns(theirs) == values | ({"lower": values["lower"].lower()} if values["lower"] else {})
    await transaction.rollback()
    await session.close()


@pytest.mark.anyio
async def test_a_broken_constraint_leaves_nothing(store: SqliteStore, sessions: SqliteSessions) -> None:
    """Rows that break a constraint are refused with what is around them, and the error is SQLite's."""
    rows = (Upsert(Customer, {"id": 1}, {"name": "Ada"}), Upsert(Customer, {"id": 2}, {"name": "Ada"}))
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        await store.commit(Batch(rows=rows))
    async with sessions.read() as session:
        assert (await session.scalars(select(Customer))).all() == []


@pytest.fixture
def connection() -> Generator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    yield connection
    connection.close()


def rows_of(connection: sqlite3.Connection, table: Table[Any]) -> list[Any]:
    return connection.execute(f"SELECT * FROM {table.name} ORDER BY 1").fetchall()


metadata = MetaData()
strict = Table(
    "strict",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("count", Integer, nullable=False, default=0),
    Column("note", String),
)


def test_part_of_a_row_can_be_changed(connection: sqlite3.Connection) -> None:
    """Setting and adding to some columns needs no others, even when these must not be NULL."""
    create_tables(connection, [strict])
    apply_rows(connection, [Upsert(strict, {"id": n}, {"name": "a"}) for n in (1, 2)])
    apply_rows(connection, [Upsert(strict, {"id": 1}, {"note": "x"}), Add(strict, {"id": 2}, {"count": 2})])
    apply_rows(connection, [Upsert(strict, {"id": 1}, {"count": 5, "note": None})])
    assert rows_of(connection, strict) == [(1, "a", 5, None), (2, "a", 2, None)]


def test_a_row_that_cannot_be_made_is_refused(connection: sqlite3.Connection) -> None:
    """Where the row is missing, so are its other columns: SQLite refuses the row."""
    create_tables(connection, [strict])
    apply_rows(connection, [Upsert(strict, {"id": 1}, {"name": "a"})])
    with pytest.raises(sqlite3.IntegrityError, match=r"NOT NULL constraint failed: strict\.name"):
        apply_rows(connection, [Upsert(strict, {"id": n}, {"note": "x"}) for n in (1, 2)])


def test_a_key_alone_makes_a_row(connection: sqlite3.Connection) -> None:
    """An Upsert without values inserts a missing row, leaves an existing one, and cannot invent what must be there."""
    plain = Table("plain", MetaData(), Column("id", Integer, primary_key=True), Column("name", String))
    create_tables(connection, [plain, strict])
    for _ in range(2):
        apply_rows(connection, [Upsert(plain, {"id": 1}, {})])
    assert rows_of(connection, plain) == [(1, None)]
    apply_rows(connection, [Upsert(strict, {"id": 1}, {"name": "a"}), Upsert(strict, {"id": 1}, {})])
    apply_rows(connection, [Upsert(strict, {"id": 1}, {})])
    assert rows_of(connection, strict) == [(1, "a", 0, None)]
    with pytest.raises(sqlite3.IntegrityError):
        apply_rows(connection, [Upsert(strict, {"id": 2}, {})])


numbers = iter(range(100, 200))
defaults = Table(
    "defaults",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", String),
    Column("scalar", String, default="x"),
    Column("callable", Integer, default=lambda: next(numbers)),
    Column("sql", String, default=func.upper("y")),
    Column("server", String, server_default="z"),
    Column("computed", String, Computed("name || '!'")),
    Column("changed", String, onupdate="again"),
    Column("stamp", String, onupdate=func.upper("now")),
    Column("must", String, nullable=False, default="m"),
)


def test_defaults_of_columns(connection: sqlite3.Connection) -> None:
    """A new row gets the defaults of its columns, in Python and in SQL; an existing one gets those for updates."""
    create_tables(connection, [defaults])
    apply_rows(connection, [Upsert(defaults, {"id": n}, {"name": "a"}) for n in (1, 2)])
    new = [tuple(row[1:3]) + tuple(row[4:]) for row in rows_of(connection, defaults)]
    assert new == [("a", "x", "Y", "z", "a!", None, None, "m")] * 2
    assert len({row[3] for row in rows_of(connection, defaults)}) == 2
    apply_rows(connection, [Upsert(defaults, {"id": 1}, {"scalar": "set"})])
    assert rows_of(connection, defaults)[0][2] == "set"
    assert rows_of(connection, defaults)[0][7:] == ("again", "NOW", "m")
    assert rows_of(connection, defaults)[1][7:] == (None, None, "m")


def test_defaults_for_updates_where_others_are_missing(connection: sqlite3.Connection) -> None:
    """The same holds for a table whose rows cannot be made from a part."""
    table = Table(
        "parts",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("name", String, nullable=False),
        Column("size", Integer),
        Column("version", Integer, default=lambda: 1, onupdate=lambda: 2),
    )
    create_tables(connection, [table])
    apply_rows(connection, [Upsert(table, {"id": 1}, {"name": "a"})])
    assert rows_of(connection, table) == [(1, "a", None, 1)]
    apply_rows(connection, [Upsert(table, {"id": 1}, {"size": 3})])
    assert rows_of(connection, table) == [(1, "a", 3, 2)]


def test_a_default_that_needs_a_sequence_is_refused(connection: sqlite3.Connection) -> None:
    """What only a session could fetch first is named, instead of left out."""
    table = Table(
        "numbered", MetaData(), Column("id", Integer, primary_key=True), Column("n", Integer, Sequence("numbers"))
    )
    with pytest.raises(WiringError, match=r"numbered\.n"):
        apply_rows(connection, [Upsert(table, {"id": 1}, {})])


def test_quoted_names_and_keys_of_several_columns(connection: sqlite3.Connection) -> None:
    """Names that SQL reserves, and keys in any order, work like all others."""
    table = Table(
        "order",
        MetaData(),
        Column("select", String, primary_key=True),
        Column("where", Integer, primary_key=True),
        Column("group by", Integer),
    )
    create_tables(connection, [table])
    change = {"where": 1, "select": "a"}
    rows: list[RowChange] = [
        Upsert(table, change, {"group by": 1}),
        Add(table, change, {"group by": 2}),
        Upsert(table, {"select": "b", "where": 1}, {}),
    ]
    apply_rows(connection, rows)
    apply_rows(connection, [Delete(table, {"where": 1, "select": "b"})])
    assert connection.execute('SELECT * FROM "order"').fetchall() == [("a", 1, 3)]


tally = Table(
    "tally",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String),
    Column("count", Integer),
    Column("total", ExactDecimal()),
)
money = st.integers(-999, 999).map(lambda cents: Decimal(cents).scaleb(-2))
keys = st.fixed_dictionaries({"id": st.integers(1, 3)})
values = st.fixed_dictionaries(
    {}, optional={"name": st.sampled_from("abc"), "count": st.none() | st.integers(-9, 9), "total": money}
)
amounts = st.fixed_dictionaries({}, optional={"count": st.integers(-9, 9), "total": money})


@given(
    st.lists(
        st.builds(Upsert, st.just(tally), keys, values)
        | st.builds(Add, st.just(tally), keys, amounts)
        | st.builds(Delete, st.just(tally), keys),
        max_size=15,
    ),
    st.integers(1, 15),
)
def test_batches_of_any_size_end_the_same(rows: list[RowChange], size: int) -> None:
    """Changes applied one by one, in portions, or in what the dictionary of dictionaries says, end in the same rows."""
    ends = [end_of(rows, 1), end_of(rows, size), end_of(rows, len(rows) + 1), model_of(rows)]
    assert all(end == ends[0] for end in ends)


def end_of(rows: list[RowChange], size: int) -> list[Any]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        create_tables(connection, [tally])
        for start in range(0, len(rows), size):
            apply_rows(connection, rows[start : start + size])
        return rows_of(connection, tally)
    finally:
        connection.close()


def model_of(rows: list[RowChange]) -> list[Any]:
    table: dict[int, dict[str, Any]] = {}
    for row in rows:
        key = row.key["id"]
        if isinstance(row, Delete):
            table.pop(key, None)
            continue
        here = table.setdefault(key, {"id": key, "name": None, "count": None, "total": None})
        if isinstance(row, Upsert):
            here |= row.values
        else:
            here |= {name: (here[name] or 0) + amount for name, amount in row.amounts.items()}
    cents = [row | {"total": None if row["total"] is None else int(row["total"] * 100)} for row in table.values()]
    return sorted(tuple(row.values()) for row in cents)
