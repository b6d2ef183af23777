"""The application that is measured over HTTP: event-sourced orders with one inline read model."""

import os
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam, select

from benchmarks.tables import Summary
from twofold import Aggregate, App, Command, Event, Failure, Module, Query, Refused, Repository, Result, Rows, Success
from twofold.clock import new_id
from twofold.sql import ReadSession
from twofold.store import Store


@dataclass(frozen=True, kw_only=True)
class Line:
    """So many of one article."""

    sku: str
    quantity: int
    unit_price: int


@dataclass(frozen=True, kw_only=True)
class OrderPlaced(Event):
    order_id: UUID
    customer_id: UUID
    lines: tuple[Line, ...]
    total: int


@dataclass(frozen=True, kw_only=True)
class OrderPaid(Event):
    order_id: UUID
    amount: int


class Order(Aggregate):
    """An order, placed and then paid."""

    id: UUID
    total = 0
    paid = False

    @classmethod
    def place(cls, command: "PlaceOrder") -> "Order":
        order = cls()
        total = sum(line.quantity * line.unit_price for line in command.lines)
        order.record(OrderPlaced(order_id=new_id(), customer_id=command.customer_id, lines=command.lines, total=total))
        return order

    def pay(self, amount: int) -> Result[None]:
        if self.paid or amount != self.total:
            return Failure(Refused("paid already, or another amount"))
        self.record(OrderPaid(order_id=self.id, amount=amount))
        return Success()

    def evolve(self, event: Event) -> None:
        match event:
            case OrderPlaced():
                self.id, self.total = event.order_id, event.total
            case OrderPaid():
                self.paid = True
            case _:
                raise TypeError(f"an order does not know {event!r}")


@dataclass(frozen=True, kw_only=True)
class PlaceOrder(Command[UUID]):
    customer_id: UUID
    lines: tuple[Line, ...]


@dataclass(frozen=True, kw_only=True)
class PayOrder(Command[None]):
    order_id: UUID
    amount: int


@dataclass(frozen=True, kw_only=True)
class OrderSummary:
    order_id: UUID
    customer_id: UUID
    status: str
    total: int


@dataclass(frozen=True, kw_only=True)
class GetOrder(Query[OrderSummary | None]):
    order_id: UUID


@dataclass(frozen=True, kw_only=True)
class SelectOrder(Query[OrderSummary | None]):
    order_id: UUID


@dataclass(frozen=True, kw_only=True)
class ReadOrder(Query[OrderSummary | None]):
    order_id: UUID


shop = Module("shop")


@shop.handler(path="/orders", status=201)
async def place_order(command: PlaceOrder, orders: Repository[Order]) -> Result[UUID]:
    order = Order.place(command)
    await orders.save(order)
    return Success(order.id)


@shop.handler(path="/orders/{order_id}/pay")
async def pay_order(command: PayOrder, orders: Repository[Order]) -> Result[None]:
    match await orders.get(command.order_id):
        case Failure() as missing:
            return missing
        case Success(order):
            done = order.pay(command.amount)
            if done.is_success:
                await orders.save(order)
            return done


@shop.handler(path="/orders/{order_id}/mapped")
async def get_order(query: GetOrder, session: ReadSession) -> OrderSummary | None:
    row = await session.get(Summary, query.order_id)
    if row is None:
        return None
    return OrderSummary(order_id=row.order_id, customer_id=row.customer_id, status=row.status, total=row.total)


_summary = Summary.__table__
_ONE = select(_summary.c.order_id, _summary.c.customer_id, _summary.c.status, _summary.c.total).where(
    _summary.c.order_id == bindparam("order_id")
)


@shop.handler(path="/orders/{order_id}/columns")
async def select_order(query: SelectOrder, session: ReadSession) -> OrderSummary | None:
    row = (await session.execute(_ONE, {"order_id": query.order_id})).one_or_none()
    if row is None:
        return None
    order_id, customer_id, status, total = row
    return OrderSummary(order_id=order_id, customer_id=customer_id, status=status, total=total)


@shop.handler(path="/orders/{order_id}/plain")
async def read_order(query: ReadOrder, store: Store) -> OrderSummary | None:
    sql = "SELECT order_id, customer_id, status, total FROM summary WHERE order_id = ?"
    row = await store.read(lambda connection: connection.execute(sql, (query.order_id.hex,)).fetchone())
    if row is None:
        return None
    return OrderSummary(order_id=UUID(row[0]), customer_id=UUID(row[1]), status=row[2], total=row[3])


@shop.projection("summary", mode="inline", tables=[Summary])
class Summaries:
    """Whoever places an order sees it at once."""

    def placed(self, event: OrderPlaced, rows: Rows) -> None:
        rows.upsert(
            Summary, {"order_id": event.order_id}, customer_id=event.customer_id, status="placed", total=event.total
        )


app = App("shop", modules=[shop], database=os.environ.get("BENCHMARK_DATABASE"))
asgi = app.http()
