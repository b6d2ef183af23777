"""What an order may do: the aggregate, its events and its rules.

Commands, queries and read models import from here. It must never know a database or the web.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from examples.orders.values import Address, Line, OrderStatus
from twofold import Aggregate, Event, Failure, Refused, Result, Success


@dataclass(frozen=True, kw_only=True)
class OrderCreated(Event):
    """A customer has begun an order, which may still change."""

    order_id: UUID
    customer_id: UUID
    lines: tuple[Line, ...]
    address: Address | None


@dataclass(frozen=True, kw_only=True)
class ItemAdded(Event):
    """An order that is not placed yet has one more line."""

    order_id: UUID
    number: int
    """Which line of the order it is, from 1 on."""
    line: Line


@dataclass(frozen=True, kw_only=True)
class AddressSet(Event):
    """It was said where an order goes."""

    order_id: UUID
    address: Address


@dataclass(frozen=True, kw_only=True)
class OrderDiscarded(Event):
    """Cancelled before it was placed: nobody's totals know of it."""

    order_id: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class OrderPlaced(Event):
    """The customer wants it as it is now: from here on it counts."""

    order_id: UUID
    customer_id: UUID
    lines: tuple[Line, ...]
    total: Decimal
    address: Address | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class OrderPaid(Event):
    """The customer has paid an order."""

    order_id: UUID
    customer_id: UUID
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class OrderShipped(Event):
    """An order is on its way."""

    order_id: UUID
    tracking_code: str


@dataclass(frozen=True, kw_only=True)
class OrderCancelled(Event):
    """An order was called off after it was placed."""

    order_id: UUID
    customer_id: UUID
    total: Decimal
    refund: Decimal
    """What the customer gets back; 0 when nothing was paid."""
    reason: str


class OrderNotCreated(Refused):
    """Only an order that is created, and not placed yet, takes items and is placed."""


class OrderIncomplete(Refused):
    """What is placed has an item at least, and an address."""


class OrderNotPlaced(Refused):
    """It must be placed first."""


class StatusNotByHand(Refused):
    """An order is paid by a payment and shipped by a shipment, and not because somebody says so."""


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
    """An order, from created over placed and paid to shipped, or cancelled on its way."""

    id: UUID
    customer_id: UUID
    lines: tuple[Line, ...]
    address: Address | None
    status: OrderStatus

    @property
    def total(self) -> Decimal:
        return _total(self.lines)

    @classmethod
    def create(cls, order_id: UUID, customer_id: UUID, lines: Sequence[Line], address: Address | None) -> "Order":
        order = cls()
        order.record(OrderCreated(order_id=order_id, customer_id=customer_id, lines=tuple(lines), address=address))
        return order

    @classmethod
    def at_once(
        cls, order_id: UUID, customer_id: UUID, lines: Sequence[Line], address: Address | None = None
    ) -> "Order":
        """An order that is placed as it comes."""
        order, total = cls(), _total(lines)
        order.record(
            OrderPlaced(order_id=order_id, customer_id=customer_id, lines=tuple(lines), total=total, address=address)
        )
        return order

    def add(self, line: Line) -> Result[None, Refused]:
        if self.status is not OrderStatus.CREATED:
            return Failure(OrderNotCreated(f"only an order that is created takes items, not one that is {self.status}"))
        self.record(ItemAdded(order_id=self.id, number=len(self.lines) + 1, line=line))
        return Success()

    def send_to(self, address: Address) -> Result[None, Refused]:
        match self.status:
            case OrderStatus.CANCELLED:
                return Failure(OrderIsCancelled("a cancelled order is not sent anywhere"))
            case OrderStatus.SHIPPED:
                return Failure(OrderAlreadyShipped("this order is already on its way"))
            case OrderStatus.CREATED | OrderStatus.PLACED | OrderStatus.PAID:
                if address != self.address:
                    self.record(AddressSet(order_id=self.id, address=address))
                return Success()

    def place(self, reason: str | None = None) -> Result[None, Refused]:
        if self.status is not OrderStatus.CREATED:
            return Failure(OrderNotCreated(f"this order is {self.status}"))
        if not self.lines or self.address is None:
            return Failure(OrderIncomplete("there is no item in it" if not self.lines else "it has no address"))
        self.record(
            OrderPlaced(
                order_id=self.id,
                customer_id=self.customer_id,
                lines=self.lines,
                total=self.total,
                address=self.address,
                reason=reason,
            )
        )
        return Success()

    def change_status(self, status: OrderStatus, reason: str) -> Result[None, Refused]:
        """What somebody decides by hand, and says why."""
        match status:
            case OrderStatus.PLACED:
                return self.place(reason)
            case OrderStatus.CANCELLED:
                return self.cancel(reason)
            case OrderStatus.CREATED | OrderStatus.PAID | OrderStatus.SHIPPED:
                return Failure(StatusNotByHand(f"no order becomes {status} by hand"))

    def pay(self, amount: Decimal) -> Result[None, Refused]:
        match self.status:
            case OrderStatus.CREATED:
                return Failure(OrderNotPlaced("an order is paid once it is placed"))
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
            case OrderStatus.CREATED | OrderStatus.PLACED:
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
            case OrderStatus.CREATED:
                self.record(OrderDiscarded(order_id=self.id, reason=reason))
                return Success()
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
            case OrderCreated() | OrderPlaced():
                self.id = event.order_id
                self.customer_id = event.customer_id
                self.lines = event.lines
                self.address = event.address
                self.status = OrderStatus.PLACED if isinstance(event, OrderPlaced) else OrderStatus.CREATED
            case ItemAdded():
                self.lines = (*self.lines, event.line)
            case AddressSet():
                self.address = event.address
            case OrderPaid():
                self.status = OrderStatus.PAID
            case OrderShipped():
                self.status = OrderStatus.SHIPPED
            case OrderCancelled() | OrderDiscarded():
                self.status = OrderStatus.CANCELLED
            case _:
                raise TypeError(f"an order does not know {event!r}")


def _total(lines: Iterable[Line]) -> Decimal:
    return sum((line.amount for line in lines), Decimal(0))
