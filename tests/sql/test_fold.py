"""Folding row changes gives what they give one after the other."""

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Numeric, String, Table, UniqueConstraint, text
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import NullType

from twofold.errors import WiringError
from twofold.sql import DeleteRows, ExactDecimal, WriteRows, fold
from twofold.store import Add, Delete, RowChange, Upsert

DIALECT = DefaultDialect()
metadata = MetaData()
COLUMNS = ("name", "count", "total")


def table(name: str, *others: Any) -> Table[Any]:
    return Table(
        name,
        metadata,
        Column("id", Integer, primary_key=True),
        Column("name", String),
        Column("count", Integer, default=0),
        Column("total", ExactDecimal()),
        *others,
    )


free, other = table("free"), table("other")
child = table("child", Column("parent", Integer, ForeignKey("free.id")))
unique = table("unique_names", UniqueConstraint("name"))
from_ten = table("from_ten", Column("ten", Integer, default=10))
server_ten = table("server_ten", Column("ten", Integer, server_default=text("10")))
odd = table("odd", Column("document", NullType, default={}))
server_nought = table("server_nought", Column("nought", Integer, server_default=text("0")))

Tables = dict[Any, dict[int, dict[str, Any]]]


def one_by_one(rows: list[RowChange]) -> Tables:
    tables: Tables = {}
    for row in rows:
        here = tables.setdefault(row.table, {})
        key = row.key["id"]
        if isinstance(row, Delete):
            here.pop(key, None)
        else:
            write(here, key, row.values if isinstance(row, Upsert) else {}, row.amounts if isinstance(row, Add) else {})
    return tables


def folded(rows: list[RowChange]) -> Tables:
    tables: Tables = {}
    for step in fold(rows, DIALECT):
        here = tables.setdefault(step.table, {})
        for key, *values in step.rows:
            if isinstance(step, DeleteRows):
                here.pop(key, None)
            else:
                sets = dict(zip(step.sets, values[: len(step.sets)], strict=True))
                write(here, key, sets, dict(zip(step.adds, values[len(step.sets) :], strict=True)))
    return tables


def write(here: dict[int, dict[str, Any]], key: int, sets: Any, adds: Any) -> None:
    row = here.setdefault(key, dict.fromkeys(COLUMNS))
    row |= sets
    for name, amount in adds.items():
        row[name] = (row[name] or 0) + amount


money = st.integers(-999, 999).map(lambda cents: Decimal(cents).scaleb(-2))
keys = st.fixed_dictionaries({"id": st.integers(1, 3)})
values = st.fixed_dictionaries(
    {},
    optional={
        "name": st.none() | st.sampled_from("abc"),
        "count": st.none() | st.integers(-9, 9),
        "total": st.none() | money,
    },
)
amounts = st.fixed_dictionaries({}, optional={"count": st.integers(-9, 9), "total": money})


def changes(*tables: Table[Any]) -> st.SearchStrategy[list[RowChange]]:
    where = st.sampled_from(tables)
    return st.lists(
        st.builds(Upsert, where, keys, values) | st.builds(Add, where, keys, amounts) | st.builds(Delete, where, keys),
        max_size=15,
    )


@given(changes(free, other))
def test_folding_changes_nothing(rows: list[RowChange]) -> None:
    """Any sequence of changes to two tables ends in the same rows, folded or not."""
    assert folded(rows) == one_by_one(rows)


@given(changes(free, child))
def test_keeping_the_order_changes_nothing(rows: list[RowChange]) -> None:
    """The same holds where the order is kept because of a foreign key."""
    assert folded(rows) == one_by_one(rows)


@given(changes(free, other))
def test_one_step_for_each_kind_and_set_of_columns(rows: list[RowChange]) -> None:
    """Free tables get at most one deletion each, and one write for each set of columns."""
    steps = fold(rows, DIALECT)
    kinds = Counter((step.table, step.sets, step.adds) if isinstance(step, WriteRows) else step.table for step in steps)
    assert set(kinds.values()) <= {1}


@given(changes(free, child))
def test_a_step_has_each_key_once(rows: list[RowChange]) -> None:
    """No statement is given the same row twice, so that it may be sent in two halves: update, then insert."""
    for step in fold(rows, DIALECT):
        keys_of_step = [row[0] for row in step.rows]
        assert len(keys_of_step) == len(set(keys_of_step))


def test_upserts_merge_and_adds_sum() -> None:
    """Setting and adding to one row becomes one write of it."""
    (step,) = fold(
        [
            Upsert(free, {"id": 1}, {"name": "a"}),
            Add(free, {"id": 1}, {"total": Decimal("1.10")}),
            Upsert(free, {"id": 1}, {"name": "b"}),
            Add(free, {"id": 1}, {"total": Decimal("2.20")}),
        ],
        DIALECT,
    )
    assert isinstance(step, WriteRows)
    assert (step.sets, step.adds, step.rows) == (("name",), ("total",), [(1, "b", Decimal("3.30"))])


def test_what_cannot_be_rounded_is_left_to_the_database() -> None:
    """What is no number, or larger than any column, is refused there by itself, as it was given."""
    priced = Table("priced", metadata, Column("id", Integer, primary_key=True), Column("price", Numeric(12, 2)))
    values = ["0.005", None, float("inf"), Decimal("NaN"), Decimal("1e200000"), Decimal("1.005")]
    (step,) = fold([Upsert(priced, {"id": n}, {"price": value}) for n, value in enumerate(values)], DIALECT)
    assert [str(row[1]) for row in step.rows] == [*map(str, values[:-1]), "1.01"]


@pytest.mark.parametrize("tied", [child, unique, from_ten, server_ten])
def test_order_is_kept_where_it_matters(tied: Table[Any]) -> None:
    """A foreign key, a unique constraint or a number that does not start from 0 keeps every change in its place."""
    rows: list[RowChange] = [
        Upsert(tied, {"id": 1}, {"name": "a"}),
        Upsert(free, {"id": 1}, {"name": "a"}),
        Delete(tied, {"id": 2}),
        Upsert(tied, {"id": 1}, {"name": "b"}),
        Upsert(tied, {"id": 3}, {"name": "c"}),
    ]
    assert [(step.table, len(step.rows)) for step in fold(rows, DIALECT)] == [
        (tied, 1),
        (free, 1),
        (tied, 1),
        (tied, 2),
    ]


@pytest.mark.parametrize("table", [server_nought, odd])
def test_other_defaults_are_free(table: Table[Any]) -> None:
    """A number that starts from 0 in the database, and what is no number, are no reason to keep the order."""
    rows = [Upsert(table, {"id": 1}, {"name": name}) for name in "abc"]
    assert len(fold(rows, DIALECT)) == 1


class Base(DeclarativeBase):
    pass


class Renamed(Base):
    __tablename__ = "renamed"
    number: Mapped[int] = mapped_column("id", primary_key=True)
    part: Mapped[int] = mapped_column("part_number", primary_key=True)
    label: Mapped[str] = mapped_column("name")


def test_attributes_of_a_mapped_class_name_its_columns() -> None:
    """Changes to a mapped class are written with its attributes, in any order of the key."""
    (step,) = fold([Upsert(Renamed, {"part": 2, "number": 1}, {"label": "a"})], DIALECT)
    assert isinstance(step, WriteRows)
    assert (step.table, step.sets, step.rows) == (Renamed.__table__, ("name",), [(1, 2, "a")])


@pytest.mark.parametrize(
    "row, text",
    [
        (Upsert(free, {"id": 1}, {"nmae": "a"}), "nmae"),
        (Upsert(free, {"id": 1}, {"id": 2}), "outside its key"),
        (Add(free, {"id": 1}, {"cuont": 1}), "cuont"),
        (Delete(free, {"name": "a"}), "the key of table 'free' is (id), not (name)"),
        (Delete(free, {}), "the key of table 'free'"),
        (Delete(Table("keyless", metadata, Column("name", String)), {}), "no primary key"),
        (Delete("free", {"id": 1}), "neither a Table nor a mapped class"),
    ],
)
def test_a_wrong_name_is_refused(row: RowChange, text: str) -> None:
    """A table, key or column that does not exist is refused with its name, alone and among others."""
    with pytest.raises(WiringError, match=text.replace("(", r"\(").replace(")", r"\)")):
        fold([row], DIALECT)
    with pytest.raises(WiringError):
        fold([row, row], DIALECT)
