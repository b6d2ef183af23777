"""Row changes end in the database as they would one after the other, and come back as they went."""

import enum
import sqlite3
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
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

from tests.drivers.sql.shop import Customer
from twofold.drivers.postgres._rows import apply_rows as apply_rows_postgres
from twofold.drivers.sqlite._rows import apply_rows as apply_rows_sqlite
from twofold.errors import Invalid, WiringError
from twofold.sql import ExactDecimal, Sessions
from twofold.store import Add, Batch, Delete, RowChange, Store, Upsert

pytestmark = pytest.mark.anyio


class Tables:
    """The tables of a store."""

    def __init__(self, store: Store, sessions: Sessions, apply: Callable[..., Any]) -> None:
        self._store = store
        self._sessions = sessions
        self.apply = apply

    async def create(self, *tables: Table[Any]) -> None:
        await self._store.create_tables(tables)

    async def change(self, *rows: RowChange) -> None:
        await self._store.commit(Batch(rows=rows))

    async def rows(self, table: Any) -> list[Any]:
        async with self._sessions.read() as session:
            return [tuple(row) for row in await session.execute(select(table).order_by(*table.primary_key.columns))]


@pytest.fixture
def table(store: Store, sessions: Sessions, database: str) -> Tables:
    return Tables(store, sessions, apply_rows_sqlite if database == "sqlite" else apply_rows_postgres)


@pytest.fixture
def refused(database: str) -> type[Exception]:
    """What the database raises for rows that it does not want."""
    error: type[Exception] = asyncpg.IntegrityConstraintViolationError
    return sqlite3.IntegrityError if database == "sqlite" else error


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
    "moment": datetime(2026, 1, 2, 3, 4, 5, 678901),  # noqa: DTZ001  # a column without a time zone
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


@pytest.mark.parametrize("values", [VALUES, dict.fromkeys(VALUES)], ids=["values", "nothing"])
async def test_values_come_back_as_a_session_s_own(store: Store, sessions: Sessions, values: dict[str, Any]) -> None:
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


async def test_a_broken_constraint_leaves_nothing(table: Tables, refused: type[Exception]) -> None:
    """Rows that break a constraint are refused with what is around them, and the error is the database's own."""
    rows = (Upsert(Customer, {"id": 1}, {"name": "Ada"}), Upsert(Customer, {"id": 2}, {"name": "Ada"}))
    with pytest.raises(refused, match=r"(?i)unique"):
        await table.change(*rows)
    assert await table.rows(Customer.__table__) == []


metadata = MetaData()
strict = Table(
    "strict",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("count", Integer, nullable=False, default=0),
    Column("note", String),
)


async def test_part_of_a_row_can_be_changed(table: Tables) -> None:
    """Setting and adding to some columns needs no others, even when these must not be NULL."""
    await table.create(strict)
    await table.change(*[Upsert(strict, {"id": n}, {"name": "a"}) for n in (1, 2)])
    await table.change(Upsert(strict, {"id": 1}, {"note": "x"}), Add(strict, {"id": 2}, {"count": 2}))
    await table.change(Upsert(strict, {"id": 1}, {"count": 5, "note": None}))
    assert await table.rows(strict) == [(1, "a", 5, None), (2, "a", 2, None)]


async def test_some_rows_are_there_and_others_are_not(table: Tables) -> None:
    """Of the rows of one step, those that exist are updated and those that are missing are inserted."""
    parts = Table("sparse", MetaData(), Column("id", Integer, primary_key=True), Column("name", String, nullable=False))
    await table.create(parts)
    await table.change(Upsert(parts, {"id": 1}, {"name": "old"}))
    await table.change(*[Upsert(parts, {"id": n}, {"name": "new"}) for n in (1, 2)])
    await table.change(*[Delete(parts, {"id": n}) for n in (2, 3)])
    assert await table.rows(parts) == [(1, "new")]


@pytest.mark.parametrize("most", [2**63 - 1, -(2**63)], ids=["most", "least"])
@pytest.mark.parametrize("others", [(), ("name",)], ids=["upserted", "updated"])
async def test_a_sum_that_is_too_large_is_refused(
    table: Tables, database: str, most: int, others: tuple[str, ...]
) -> None:
    """It changes nothing, and smaller ones count on from what was there; SQLite alone would go on with a float."""
    refused = Invalid if database == "sqlite" else asyncpg.NumericValueOutOfRangeError
    columns = [Column(name, String, nullable=False) for name in others]
    sums = Table("sums", MetaData(), Column("id", Integer, primary_key=True), Column("total", BigInteger), *columns)
    await table.create(sums)
    await table.change(Upsert(sums, {"id": 1}, dict.fromkeys(others, "ada") | {"total": most}))
    further, back = (1, -1000) if most > 0 else (-1, 1000)
    with pytest.raises(refused):
        await table.change(Add(sums, {"id": 1}, {"total": further}))
    await table.change(Add(sums, {"id": 1}, {"total": back}))
    assert [row[1] for row in await table.rows(sums)] == [most + back]


async def test_floats_are_added_whatever_their_size(table: Tables) -> None:
    """Only what is whole has to stay so."""
    sums = Table("floats", MetaData(), Column("id", Integer, primary_key=True), Column("total", Float))
    await table.create(sums)
    for more in (2.0**63, 2.0**70, 0.5):
        await table.change(Add(sums, {"id": 1}, {"total": more}))
    assert [row[1] for row in await table.rows(sums)] == [2.0**63 + 2.0**70]


async def test_a_row_that_cannot_be_made_is_refused(table: Tables, refused: type[Exception]) -> None:
    """Where the row is missing, so are its other columns: the database refuses the row."""
    await table.create(strict)
    await table.change(Upsert(strict, {"id": 1}, {"name": "a"}))
    with pytest.raises(refused, match=r"(?i)not.null"):
        await table.change(*[Upsert(strict, {"id": n}, {"note": "x"}) for n in (1, 2)])


async def test_a_key_alone_makes_a_row(table: Tables, refused: type[Exception]) -> None:
    """An Upsert without values inserts a missing row, leaves an existing one, and cannot invent what must be there."""
    plain = Table("plain", MetaData(), Column("id", Integer, primary_key=True), Column("name", String))
    await table.create(plain, strict)
    for _ in range(2):
        await table.change(Upsert(plain, {"id": 1}, {}))
    assert await table.rows(plain) == [(1, None)]
    await table.change(Upsert(strict, {"id": 1}, {"name": "a"}), Upsert(strict, {"id": 1}, {}))
    await table.change(Upsert(strict, {"id": 1}, {}))
    assert await table.rows(strict) == [(1, "a", 0, None)]
    with pytest.raises(refused):
        await table.change(Upsert(strict, {"id": 2}, {}))


async def test_a_value_that_is_too_long_is_not_cut(table: Tables, database: str) -> None:
    """What a column refuses from one row, it refuses from many."""
    short = Table("short", MetaData(), Column("id", Integer, primary_key=True), Column("name", String(3)))
    await table.create(short)
    rows = [Upsert(short, {"id": n}, {"name": "long"}) for n in (1, 2)]
    if database == "sqlite":  # which does not care
        await table.change(*rows)
        assert await table.rows(short) == [(1, "long"), (2, "long")]
    else:
        with pytest.raises(asyncpg.StringDataRightTruncationError):
            await table.change(*rows)


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


async def test_defaults_of_columns(table: Tables) -> None:
    """A new row gets the defaults of its columns, in Python and in SQL; an existing one gets those for updates."""
    await table.create(defaults)
    await table.change(*[Upsert(defaults, {"id": n}, {"name": "a"}) for n in (1, 2)])
    rows = await table.rows(defaults)
    assert [row[1:3] + row[4:] for row in rows] == [("a", "x", "Y", "z", "a!", None, None, "m")] * 2
    assert len({row[3] for row in rows}) == 2
    await table.change(Upsert(defaults, {"id": 1}, {"scalar": "set"}))
    rows = await table.rows(defaults)
    assert rows[0][2] == "set"
    assert rows[0][7:] == ("again", "NOW", "m")
    assert rows[1][7:] == (None, None, "m")


async def test_defaults_for_updates_where_others_are_missing(table: Tables) -> None:
    """The same holds for a table whose rows cannot be made from a part."""
    parts = Table(
        "parts",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("name", String, nullable=False),
        Column("size", Integer),
        Column("version", Integer, default=lambda: 1, onupdate=lambda: 2),
    )
    await table.create(parts)
    await table.change(Upsert(parts, {"id": 1}, {"name": "a"}))
    assert await table.rows(parts) == [(1, "a", None, 1)]
    await table.change(Upsert(parts, {"id": 1}, {"size": 3}))
    assert await table.rows(parts) == [(1, "a", 3, 2)]


async def test_a_default_that_needs_a_sequence_is_refused(table: Tables) -> None:
    """What only a session could fetch first is named, instead of left out."""
    numbered = Table(
        "numbered", MetaData(), Column("id", Integer, primary_key=True), Column("n", Integer, Sequence("numbers"))
    )
    with pytest.raises(WiringError, match=r"numbered\.n"):
        await table.change(Upsert(numbered, {"id": 1}, {}))


async def test_quoted_names_and_keys_of_several_columns(table: Tables) -> None:
    """Names that SQL reserves, and keys in any order, work like all others."""
    order = Table(
        "order",
        MetaData(),
        Column("select", String, primary_key=True),
        Column("where", Integer, primary_key=True),
        Column("group by", Integer),
    )
    await table.create(order)
    key = {"where": 1, "select": "a"}
    await table.change(
        Upsert(order, key, {"group by": 1}),
        Add(order, key, {"group by": 2}),
        Upsert(order, {"select": "b", "where": 1}, {}),
    )
    await table.change(Delete(order, {"where": 1, "select": "b"}))
    assert await table.rows(order) == [("a", 1, 3)]


async def test_order_counts_where_rows_are_tied_together(table: Tables) -> None:
    """A name that one row gives up can be taken by the next, in one batch and in this order."""
    unique = Table(
        "names",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("name", String, unique=True),
        Column("must", Integer, nullable=False),
    )
    await table.create(unique)
    many = range(1, 200)
    await table.change(*[Upsert(unique, {"id": n}, {"name": f"n{n}", "must": 0}) for n in many])
    await table.change(*[Upsert(unique, {"id": n}, {"name": f"n{n - 1}"}) for n in many])
    await table.change(*[Upsert(unique, {"id": n}, {"name": f"n{n}"}) for n in reversed(many)])
    await table.change(*[Upsert(unique, {"id": n}, {"name": f"n{n - 1}", "must": 1}) for n in many])
    assert await table.rows(unique) == [(n, f"n{n - 1}", 1) for n in many]


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


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.builds(Upsert, st.just(tally), keys, values)
        | st.builds(Add, st.just(tally), keys, amounts)
        | st.builds(Delete, st.just(tally), keys),
        max_size=15,
    ),
    size=st.integers(1, 15),
)
async def test_batches_of_any_size_end_the_same(
    table: Tables, store: Store, sessions: Sessions, rows: list[RowChange], size: int
) -> None:
    """Changes applied one by one, in portions, or in what the dictionary of dictionaries says, end in the same rows."""
    await table.create(tally)
    ends = list[Any]()
    for portion in (1, size, len(rows) + 1):
        transaction = store.begin()
        for start in range(0, len(rows), portion):
            await transaction.run(partial(table.apply, rows=rows[start : start + portion]))
        async with sessions.write(transaction) as session:
            ends.append([tuple(row) for row in await session.execute(select(tally).order_by(tally.c.id))])
        await transaction.rollback()
    assert all(end == model_of(rows) for end in ends)


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
    return sorted(tuple(row.values()) for row in table.values())
