"""Tables behind entities, and the SQL that creates them."""

import pytest
from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, create_engine, select
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from twofold.errors import WiringError
from twofold.sql import create_statements, table_of


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(index=True)


orders = Table(
    "orders",
    Base.metadata,
    Column("id", Integer, primary_key=True),
    Column("customer", ForeignKey("customers.id")),
    Column("status", String),
)
Index("orders_by_status", orders.c.status)


recent = select(orders.c.id, orders.c.status).subquery()


class Recent:
    pass


Base.registry.map_imperatively(Recent, recent, primary_key=[recent.c.id])


def test_a_table_and_a_mapped_class_give_their_table() -> None:
    """Both ways to name a table lead to the same `Table`."""
    assert table_of(orders) is orders
    assert table_of(Customer) is Customer.__table__


@pytest.mark.parametrize("entity", [Recent, "orders", 7, None, object()])
def test_what_has_no_table_is_refused(entity: object) -> None:
    """A class mapped to a query, and what is not mapped at all, are wiring mistakes."""
    with pytest.raises(WiringError):
        table_of(entity)


def test_create_statements_run_twice() -> None:
    """Tables come before those that refer to them, with their indexes, each once; a second run changes nothing."""
    statements = create_statements([orders, Customer, Customer.__table__], SQLiteDialect_pysqlite())
    created = [statement.split("EXISTS ")[1].split()[0] for statement in statements]
    assert created == ["customers", "ix_customers_email", "orders", "orders_by_status"]
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        for statement in statements * 2:
            connection.exec_driver_sql(statement)
    engine.dispose()
