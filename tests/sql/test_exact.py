"""Decimals that stay exact."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, create_engine, func, insert, make_url, select
from sqlalchemy.exc import StatementError
from sqlalchemy.schema import CreateTable

from twofold.sql import ExactDecimal

prices = Table("prices", MetaData(), Column("id", Integer, primary_key=True), Column("price", ExactDecimal(scale=2)))
amounts = st.lists(st.decimals(-(10**13), 10**13, places=2), min_size=1, max_size=20)


@given(amounts)
def test_sums_in_sql_are_exact(values: list[Decimal]) -> None:
    """What goes in comes out, and the database's own sum equals the sum of Decimals to the last cent."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        prices.create(connection)
        connection.execute(insert(prices), [{"price": value} for value in values])
        assert connection.scalars(select(prices.c.price).order_by(prices.c.id)).all() == values
        assert connection.scalar(select(func.sum(prices.c.price))) == sum(values)
        assert connection.scalar(select(func.max(prices.c.price))) == max(values)
    engine.dispose()


def test_arithmetic_and_comparison_in_sql() -> None:
    """A price times three, a price plus a price, and a price above another mean what they say."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        prices.create(connection)
        connection.execute(insert(prices).values(price=Decimal("2.50")))
        price = prices.c.price
        row = connection.execute(select(price * 3, price + Decimal("0.05"), price - 1, price > Decimal("2.49"))).one()
        assert row == (Decimal("7.50"), Decimal("2.55"), Decimal("1.50"), True)
        assert connection.scalar(select(price).where(price == 2)) is None
    engine.dispose()


@pytest.mark.parametrize(
    "value, error",
    [
        (Decimal("0.001"), ValueError),
        (Decimal("1.00000000000000000000000000000000000001"), ValueError),
        (Decimal("1e16"), ValueError),
        (Decimal("NaN"), ValueError),
        (Decimal("Infinity"), ValueError),
        (0.1, TypeError),
        ("1", TypeError),
    ],
)
def test_what_would_not_stay_exact_is_refused(value: Any, error: type[Exception]) -> None:
    """Too many places or digits, floats and strings are refused instead of rounded."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        prices.create(connection)
        with pytest.raises((StatementError, error)) as caught:
            connection.execute(insert(prices).values(price=value))
        assert isinstance(getattr(caught.value, "orig", caught.value), error)
    engine.dispose()


def test_whole_numbers_and_nothing() -> None:
    """An int is taken as it is, and None stays None."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        prices.create(connection)
        connection.execute(insert(prices), [{"price": 3}, {"price": None}])
        assert connection.scalars(select(prices.c.price).order_by(prices.c.id)).all() == [Decimal("3.00"), None]
    engine.dispose()


def test_other_databases_get_numeric() -> None:
    """PostgreSQL keeps NUMERIC, and is given and gives Decimals with all their places."""
    postgresql, sqlite = [make_url(f"{name}://").get_dialect()() for name in ("postgresql+asyncpg", "sqlite")]
    assert "NUMERIC(18, 2)" in str(CreateTable(prices).compile(dialect=postgresql))
    assert "BIGINT" in str(CreateTable(prices).compile(dialect=sqlite))
    column = ExactDecimal(scale=2)
    assert repr(column) == "ExactDecimal(scale=2)"
    assert str(column.process_bind_param(Decimal("1.5"), postgresql)) == "1.50"
    assert str(column.process_result_value(Decimal("1.5"), postgresql)) == "1.50"
