"""A shop that takes orders, which most examples of docstrings are about; `told.py` has what the others speak of."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from twofold import Aggregate, App, Command, Event, Module, Refused, Repository, Rows
from twofold.clock import new_id

orders = Module("orders")


class Mail(Protocol):
    async def send(self, to: str) -> None: ...


class SmtpMail:
    async def send(self, to: str) -> None:
        """Nothing."""


class Outbox(SmtpMail):
    pass


@dataclass(frozen=True, kw_only=True)
class OrderPlaced(Event):
    order_id: UUID
    customer_id: str = "ada"
    total: Decimal = Decimal("2.50")


@dataclass(frozen=True, kw_only=True)
class OrderPaid(Event):
    order_id: UUID
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class OrderCancelled(Event):
    order_id: UUID
    customer_id: str = "ada"


one = new_id()
placed, cancelled = OrderPlaced(order_id=one), OrderCancelled(order_id=one)


class WrongAmount(Refused):
    pass


class Order(Aggregate):
    id: UUID
    total: Decimal

    @classmethod
    def place(cls, order_id: UUID) -> "Order":
        order = cls()
        order.record(OrderPlaced(order_id=order_id))
        return order

    def pay(self, amount: Decimal) -> None:
        if amount != self.total:
            raise WrongAmount(f"{self.total} is due")
        self.record(OrderPaid(order_id=self.id, amount=amount))

    def evolve(self, event: Event) -> None:
        match event:
            case OrderPlaced():
                self.id, self.total = event.order_id, event.total
            case _:
                assert isinstance(event, OrderPaid)


@dataclass(frozen=True, kw_only=True)
class PlaceOrder(Command[UUID]):
    """Place an order."""

    customer_id: str
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PayOrder(Command[None]):
    """Pay one."""

    order_id: UUID
    amount: Decimal


@orders.handler
async def place_order(command: PlaceOrder, repository: Repository[Order], mail: Mail) -> UUID:
    order = Order.place(new_id())
    await repository.save(order)
    return order.id


@orders.handler
async def pay_order(command: PayOrder, repository: Repository[Order]) -> None:
    order = (await repository.get(command.order_id)).unwrap()
    order.pay(command.amount)
    await repository.save(order)


class Totals(DeclarativeBase):
    """For the table below."""


class TotalsRow(Totals):
    __tablename__ = "totals_of_customers"
    customer_id: Mapped[str] = mapped_column(primary_key=True)
    orders: Mapped[int]
    cancelled: Mapped[int]


class OrderTotals:
    """A projection."""

    def placed(self, event: OrderPlaced, rows: Rows) -> None:
        rows.add(TotalsRow, {"customer_id": event.customer_id}, orders=1, cancelled=0)

    def cancelled(self, event: OrderCancelled, rows: Rows) -> None:
        rows.add(TotalsRow, {"customer_id": event.customer_id}, orders=0, cancelled=1)


orders.provide(Mail, SmtpMail, scope="app")
orders.events(OrderPlaced, OrderPaid)
app = App("shop", modules=[orders], database="shop.db")
