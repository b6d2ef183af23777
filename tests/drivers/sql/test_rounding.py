"""Numbers are rounded one by one: how many changes a batch puts together does not show in the rows."""

from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Numeric, String, Table, UniqueConstraint, cast, select

from tests.drivers.sql.test_rows import Tables
from tests.drivers.sql.test_rows import table as table
from twofold.sql import ExactDecimal, Sessions, live_tables
from twofold.store import Add, Delete, RowChange, Store, Upsert

pytestmark = pytest.mark.anyio

metadata = MetaData()
NUMBERS = ("price", "whole", "real")


def of_numbers(name: str, *others: Any) -> Table[Any]:
    return Table(
        name,
        metadata,
        Column("id", Integer, primary_key=True),
        Column("price", Numeric(12, 2)),
        Column("whole", Numeric(12)),
        Column("real", Numeric(12, 2, asdecimal=False)),
        *others,
    )


FREE = of_numbers("free")
TIED = of_numbers("tied", Column("name", String), UniqueConstraint("name"))
NEEDY = of_numbers("needy", Column("name", String, nullable=False))
DIGITS = Table("digits", metadata, Column("id", Integer, primary_key=True), Column("number", Numeric(38, 18)))
EXACT = Table("exact", metadata, Column("id", Integer, primary_key=True), Column("total", ExactDecimal(scale=2)))
OPEN = Table("open", metadata, Column("id", Integer, primary_key=True), Column("number", Numeric()))


@pytest.mark.parametrize("size", [1, 2, 100])
@pytest.mark.parametrize("numbers", [FREE, TIED, NEEDY], ids=["free", "tied", "needy"])
@pytest.mark.parametrize(
    "amounts, price, whole",
    [
        ([Decimal("0.005")] * 3, "0.03", 0),
        ([Decimal("-0.005"), Decimal("0.005"), Decimal("0.004")], "0.00", 0),
        ([Decimal("0.5"), Decimal("-1.5"), 2], "1.00", 1),
        ([0.1] * 3, "0.30", 0),
        ([1, 0.005, Decimal("0.015")], "1.03", 1),
    ],
    ids=["halves", "signs", "wholes", "floats", "kinds"],
)
async def test_no_batch_shows_in_a_sum(
    table: Tables, sessions: Sessions, numbers: Table[Any], amounts: list[Any], price: str, whole: int, size: int
) -> None:
    """A half goes away from zero, whatever stands beside it, and rows in memory are the same."""
    changes: list[RowChange] = [Upsert(numbers, {"id": 1}, {"name": "a"})] if "name" in numbers.c else []
    changes += [Add(numbers, {"id": 1}, dict.fromkeys(NUMBERS, amount)) for amount in amounts]
    await table.create(numbers)
    for start in range(0, len(changes), size):
        await table.change(*changes[start : start + size])
    rows = await table.rows(numbers)
    assert [row[1:4] for row in rows] == [(Decimal(price), Decimal(whole), float(price))]
    live = live_tables(sessions)()
    live.change(changes)
    assert [tuple(row.values()) for row in live.rows(numbers)] == rows


decimals = st.integers(-99_999, 99_999).map(lambda thousandths: Decimal(thousandths).scaleb(-3))
some = decimals | st.integers(-9, 9) | decimals.map(float)
keys = st.fixed_dictionaries({"id": st.integers(1, 2)})
values = st.fixed_dictionaries({}, optional=dict.fromkeys(NUMBERS, st.none() | some))
amounts = st.fixed_dictionaries({}, optional=dict.fromkeys(NUMBERS, some))


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(rows=[Add(FREE, {"id": 1}, {"price": Decimal("0.1")})] * 6, size=5)
@given(
    rows=st.lists(
        st.builds(Upsert, st.just(FREE), keys, values)
        | st.builds(Add, st.just(FREE), keys, amounts)
        | st.builds(Delete, st.just(FREE), keys),
        max_size=15,
    ),
    size=st.integers(2, 15),
)
async def test_batches_of_any_size_are_stored_the_same(
    table: Tables, store: Store, sessions: Sessions, rows: list[RowChange], size: int
) -> None:
    """To the last bit of what a database keeps, so that rows that are built anew compare as equal."""
    await table.create(FREE)
    stored = select(FREE.c.id, *[cast(FREE.c[name], String) for name in NUMBERS]).order_by(FREE.c.id)
    ends, read = list[Any](), list[Any]()
    for portion in (1, size, len(rows) + 1):
        transaction = store.begin()
        for start in range(0, len(rows), portion):
            await transaction.run(partial(table.apply, rows=rows[start : start + portion]))
        async with sessions.write(transaction) as session:
            ends.append([tuple(row) for row in await session.execute(stored)])
            read = [tuple(row) for row in await session.execute(select(FREE).order_by(FREE.c.id))]
        await transaction.rollback()
    assert ends[1:] == ends[:-1]
    live = live_tables(sessions)()
    live.change(rows)
    assert sorted(tuple(row.values()) for row in live.rows(FREE)) == read


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
@pytest.mark.parametrize("size", [1, 2, 100])
@pytest.mark.parametrize(
    "numbers, amounts, total",
    [
        (DIGITS, [Decimal(10**19), *[Decimal("1E-18")] * 2], Decimal(f"1{'0' * 19}.{'0' * 17}2")),
        (OPEN, [0.1] * 3, Decimal("0.3")),
    ],
    ids=["digits", "floats"],
)
async def test_no_digit_of_a_sum_is_lost(
    table: Tables, sessions: Sessions, numbers: Table[Any], amounts: list[Any], total: Decimal, size: int
) -> None:
    """However many there are; SQLite has floats for such numbers, of fifteen."""
    changes: list[RowChange] = [Add(numbers, {"id": 1}, {"number": more}) for more in amounts]
    await table.create(numbers)
    for start in range(0, len(changes), size):
        await table.change(*changes[start : start + size])
    live = live_tables(sessions)()
    live.change(changes)
    assert await table.rows(numbers) == [tuple(row.values()) for row in live.rows(numbers)] == [(1, total)]


@pytest.mark.parametrize("others", [1, 100])
async def test_an_exact_number_is_refused_by_itself(table: Tables, sessions: Sessions, others: int) -> None:
    """It has more places than its column, whether or not others make up for it."""
    changes: list[RowChange] = [Add(EXACT, {"id": 1}, {"total": Decimal(more)}) for more in ("0.005", "0.005", "1")]
    await table.create(EXACT)
    with pytest.raises(ValueError, match=r"0\.005 has more than 2 decimal places"):
        await table.change(*changes[:others])
    with pytest.raises(ValueError, match=r"0\.005 has more than 2 decimal places"):
        live_tables(sessions)().change(changes[:others])
    assert await table.rows(EXACT) == []
