"""Entities of a small shop, and what the tests ask of its tables."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import ForeignKey, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from twofold.sql import ExactDecimal, Sessions
from twofold.store import Append, Draft, Store


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    orders: Mapped[list["Order"]] = relationship(back_populates="customer")


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    total: Mapped[Decimal] = mapped_column(ExactDecimal(), default=Decimal(0))
    customer: Mapped[Customer] = relationship(back_populates="orders")


async def names(sessions: Sessions) -> list[str]:
    """The customers that are committed."""
    async with sessions.read() as session:
        return list(await session.scalars(select(Customer.name).order_by(Customer.id)))


def event(number: int, stream: str = "customer-1") -> Append:
    """An event for the end of a stream."""
    draft = Draft(UUID(int=number), "customer_registered", 1, b"{}", {}, datetime(2026, 1, 1, tzinfo=UTC))
    return Append(stream, (draft,))


async def prove_out_of_reach(
    store: Store, sessions: Sessions, statement: str, error: type[Exception], match: str
) -> None:
    """A statement is refused in the middle of a unit of work, which is rolled back whole all the same."""
    transaction = store.begin()
    session = sessions.write(transaction)
    session.add(Customer(id=1, name="Ada"))
    await session.flush()
    with pytest.raises(error, match=match):
        await session.execute(text(statement))
    await transaction.rollback()
    await session.close()
    assert await names(sessions) == []
