"""The SQL of materialized views, by dialect."""

from typing import Any

import pytest
from sqlalchemy import Column, Dialect, Integer, MetaData, String, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

from twofold.errors import WiringError
from twofold.sql import ExactDecimal, View, create_statements, refresh_statements

ORDERS: Table[Any] = Table(
    "orders",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("customer", String),
    Column("total", ExactDecimal()),
)
STATEMENT = (
    select(ORDERS.c.customer, func.sum(ORDERS.c.total).label("spent"))
    .where(ORDERS.c.customer != "o'hara")
    .group_by(ORDERS.c.customer)
)
VIEW = View("order stats", STATEMENT, key=["customer"], refresh_every=60)


def plain(sql: object) -> str:
    return " ".join(str(sql).split())


def test_on_postgresql_it_is_its_own_and_is_refreshed_while_it_is_read() -> None:
    """With the unique index that this needs; tables come before what selects from them."""
    dialect: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
    table, *view = map(plain, create_statements([VIEW, ORDERS], dialect))
    assert table.startswith("CREATE TABLE IF NOT EXISTS orders")
    created, indexed = view
    assert created == (
        'CREATE MATERIALIZED VIEW IF NOT EXISTS "order stats" AS SELECT orders.customer, sum(orders.total) AS spent'
        " FROM orders WHERE orders.customer != 'o''hara' GROUP BY orders.customer"
    )
    assert indexed == 'CREATE UNIQUE INDEX IF NOT EXISTS "order stats_key" ON "order stats" (customer)'
    (refresh,) = refresh_statements(VIEW, dialect)
    assert plain(refresh) == 'REFRESH MATERIALIZED VIEW CONCURRENTLY "order stats"'


def test_on_sqlite_it_is_a_table_that_is_filled_anew() -> None:
    """By two statements of one transaction."""
    dialect = sqlite.dialect()
    (create,) = map(plain, create_statements([VIEW], dialect))
    assert create == (
        'CREATE TABLE IF NOT EXISTS "order stats" ( customer VARCHAR NOT NULL, spent BIGINT, PRIMARY KEY (customer) )'
    )
    delete, insert = (plain(one.compile(dialect=dialect)) for one in refresh_statements(VIEW, dialect))  # type: ignore[attr-defined]  # statements of SQL can be compiled
    assert delete == 'DELETE FROM "order stats"'
    assert insert.startswith('INSERT INTO "order stats" (customer, spent) SELECT orders.customer, sum(orders.total)')


def test_it_stands_in_a_select_like_a_table() -> None:
    """Whole, or by its columns."""
    assert plain(select(VIEW)) == plain(select(VIEW.c.customer, VIEW.c.spent))  # type: ignore[call-overload]  # by protocol
    assert isinstance(VIEW.c.spent.type, ExactDecimal)


@pytest.mark.parametrize(
    "change, text",
    [
        ({"key": []}, "has no columns"),
        ({"key": ["nobody"]}, r"has no columns \(nobody\) for its key, only customer, spent"),
        ({"refresh_every": None}, "say one of the two"),
        ({"refresh_on": [int]}, "say one of the two"),
        ({"refresh_every": 0}, "cannot be refreshed every 0 seconds"),
        ({"statement": select(func.count())}, r"has no name: give it one with \.label"),
    ],
)
def test_what_cannot_be_a_view_is_refused_where_it_is_made(change: dict[str, Any], text: str) -> None:
    """By its name."""
    given: dict[str, Any] = {"statement": STATEMENT, "key": ["customer"], "refresh_every": 60}
    with pytest.raises(WiringError, match=text):
        View("stats", **(given | change))
