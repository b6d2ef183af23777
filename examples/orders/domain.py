"""What an order is and what it may do: the aggregate, its events, its rules, and the values they are made of.

Commands, queries and read models import from here. It must never know a database or the web.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, TypeAlias
from uuid import UUID

from pydantic import Field, StringConstraints

from twofold import Aggregate, Event, Failure, Refused, Result, Success

Money: TypeAlias = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2)]
Quantity: TypeAlias = Annotated[int, Field(ge=1, le=1000)]
Sku: TypeAlias = Annotated[
    str, StringConstraints(strip_whitespace=True, to_upper=True, pattern=r"^[A-Za-z0-9-]{3,20}$")
]
Words: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


@dataclass(frozen=True, kw_only=True)
class Line:
    """So many of one article, at a price for each."""

    sku: Sku
    quantity: Quantity
    unit_price: Money

    @property
    def amount(self) -> Decimal:
        return self.quantity * self.unit_price


Lines: TypeAlias = Annotated[tuple[Line, ...], Field(min_length=1, max_length=50)]


class OrderStatus(StrEnum):
    PLACED = "placed"
    PAID = "paid"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True)
class OrderPlaced(Event):
    order_id: UUID
    customer_id: UUID
    lines: tuple[Line, ...]
    total: Decimal


@dataclass(frozen=True, kw_only=True)
class OrderPaid(Event):
    order_id: UUID
    customer_id: UUID
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class OrderShipped(Event):
    order_id: UUID
    tracking_code: str


@dataclass(frozen=True, kw_only=True)
class OrderCancelled(Event):
    order_id: UUID
    customer_id: UUID
    total: Decimal
    refund: Decimal
    """What the customer gets back; 0 when nothing was paid."""
    reason: str


class OrderNotPaid(Refused):
    """It must be paid first."""


class OrderAlreadyPaid(Refused):
    """It is paid once, and not again."""


class OrderAlreadyShipped(Refused):
    """What has left the house can neither be shipped again nor cancelled."""


class OrderIsCancelled(Refused):
    """Nothing happens to a cancelled order any more."""


class WrongAmount(Refused):
    """An order is paid in full and to the cent."""

    def __init__(self, *, due: Decimal, offered: Decimal) -> None:
        super().__init__(f"{due} is due, not {offered}")
        self.due = due
        self.offered = offered


class Order(Aggregate):
    """An order, from placed to shipped or cancelled."""

    id: UUID
    customer_id: UUID
    total: Decimal
    status: OrderStatus

    @classmethod
    def place(cls, order_id: UUID, customer_id: UUID, lines: Sequence[Line]) -> "Order":
        order = cls()
        total = sum((line.amount for line in lines), Decimal(0))
        order.record(OrderPlaced(order_id=order_id, customer_id=customer_id, lines=tuple(lines), total=total))
        return order

    def pay(self, amount: Decimal) -> Result[None, Refused]:
        match self.status:
            case OrderStatus.CANCELLED:
                return Failure(OrderIsCancelled("a cancelled order is not paid"))
            case OrderStatus.PAID | OrderStatus.SHIPPED:
                return Failure(OrderAlreadyPaid("this order is already paid"))
            case OrderStatus.PLACED if amount != self.total:
                return Failure(WrongAmount(due=self.total, offered=amount))
            case OrderStatus.PLACED:
                self.record(OrderPaid(order_id=self.id, customer_id=self.customer_id, amount=amount))
                return Success()

    def ship(self, tracking_code: str) -> Result[None, Refused]:
        match self.status:
            case OrderStatus.CANCELLED:
                return Failure(OrderIsCancelled("a cancelled order is not shipped"))
            case OrderStatus.SHIPPED:
                return Failure(OrderAlreadyShipped("this order is already shipped"))
            case OrderStatus.PLACED:
                return Failure(OrderNotPaid("an order is shipped once it is paid"))
            case OrderStatus.PAID:
                self.record(OrderShipped(order_id=self.id, tracking_code=tracking_code))
                return Success()

    def cancel(self, reason: str) -> Result[None, Refused]:
        match self.status:
            case OrderStatus.CANCELLED:
                return Failure(OrderIsCancelled("this order is already cancelled"))
            case OrderStatus.SHIPPED:
                return Failure(OrderAlreadyShipped("a shipped order is not cancelled"))
            case OrderStatus.PLACED | OrderStatus.PAID:
                self.record(
                    OrderCancelled(
                        order_id=self.id,
                        customer_id=self.customer_id,
                        total=self.total,
                        refund=self.total if self.status is OrderStatus.PAID else Decimal(0),
                        reason=reason,
                    )
                )
                return Success()

    def evolve(self, event: Event) -> None:
        match event:
            case OrderPlaced():
                self.id = event.order_id
                self.customer_id = event.customer_id
                self.total = event.total
                self.status = OrderStatus.PLACED
            case OrderPaid():
                self.status = OrderStatus.PAID
            case OrderShipped():
                self.status = OrderStatus.SHIPPED
            case OrderCancelled():
                self.status = OrderStatus.CANCELLED
            case _:
                raise TypeError(f"an order does not know {event!r}")
