"""The read side's tables, and the projections that fill them from the events of orders.

Each projection is one class, and `mode` is its switch: `inline` commits with the command, `async` follows the log.
"""

from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import DateTime
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from examples.orders.domain import (
    AddressSet,
    ItemAdded,
    OrderCancelled,
    OrderCreated,
    OrderDiscarded,
    OrderPaid,
    OrderPlaced,
    OrderShipped,
)
from examples.orders.values import Address, Line, OrderStatus
from twofold import Module, Rows
from twofold.sql import ExactDecimal
from twofold.store import Recorded

read_models = Module("orders.read_models")


class Tables(DeclarativeBase):
    """The tables of the read models."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {Decimal: ExactDecimal(2)}


class SummaryRow(Tables):
    """An order as lists show it."""

    __tablename__ = "order_summary"

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(index=True)
    status: Mapped[str] = mapped_column(index=True)
    articles: Mapped[int] = mapped_column(default=0)
    total: Mapped[Decimal] = mapped_column(default=0)
    placed_on: Mapped[date | None] = mapped_column(index=True)


class DetailRow(Tables):
    """All there is to say about one order, but its lines."""

    __tablename__ = "order_detail"

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID]
    status: Mapped[str]
    total: Mapped[Decimal]
    placed_on: Mapped[date | None]
    street: Mapped[str | None]
    postcode: Mapped[str | None]
    city: Mapped[str | None]
    country: Mapped[str | None]
    tracking_code: Mapped[str | None]
    status_reason: Mapped[str | None]
    version: Mapped[int]
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class LineRow(Tables):
    """A line of an order."""

    __tablename__ = "order_line"

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str]
    name: Mapped[str]
    quantity: Mapped[int]
    unit_price: Mapped[Decimal]


class CustomerRow(Tables):
    """What a customer's orders come to."""

    __tablename__ = "customer_totals"

    customer_id: Mapped[UUID] = mapped_column(primary_key=True)
    orders: Mapped[int] = mapped_column(default=0)
    cancelled: Mapped[int] = mapped_column(default=0)
    ordered: Mapped[Decimal] = mapped_column(default=0)
    paid: Mapped[Decimal] = mapped_column(default=0)


@read_models.projection("order_detail", mode="inline", tables=[DetailRow, LineRow])
class OrderDetails:
    """Inline: whoever changes an order sees it at once."""

    def created(self, event: OrderCreated, rows: Rows, recorded: Recorded) -> None:
        total = sum((line.amount for line in event.lines), Decimal(0))
        self._order(rows, recorded, event, status=OrderStatus.CREATED, total=total, placed_on=None)

    def added(self, event: ItemAdded, rows: Rows, recorded: Recorded) -> None:
        self._line(rows, event.order_id, event.number, event.line)
        rows.add(DetailRow, {"order_id": event.order_id}, total=event.line.amount)
        self._change(rows, recorded, event.order_id)

    def sent_to(self, event: AddressSet, rows: Rows, recorded: Recorded) -> None:
        self._change(rows, recorded, event.order_id, **_address(event.address))

    def placed(self, event: OrderPlaced, rows: Rows, recorded: Recorded) -> None:
        placed = {"total": event.total, "placed_on": recorded.time.date(), "status_reason": event.reason}
        self._order(rows, recorded, event, status=OrderStatus.PLACED, **placed)

    def paid(self, event: OrderPaid, rows: Rows, recorded: Recorded) -> None:
        self._change(rows, recorded, event.order_id, status=OrderStatus.PAID)

    def shipped(self, event: OrderShipped, rows: Rows, recorded: Recorded) -> None:
        shipped = {"status": OrderStatus.SHIPPED, "tracking_code": event.tracking_code}
        self._change(rows, recorded, event.order_id, **shipped)

    def discarded(self, event: OrderDiscarded, rows: Rows, recorded: Recorded) -> None:
        self._change(rows, recorded, event.order_id, status=OrderStatus.CANCELLED, status_reason=event.reason)

    def cancelled(self, event: OrderCancelled, rows: Rows, recorded: Recorded) -> None:
        self._change(rows, recorded, event.order_id, status=OrderStatus.CANCELLED, status_reason=event.reason)

    def _order(self, rows: Rows, recorded: Recorded, event: OrderCreated | OrderPlaced, **columns: Any) -> None:
        address = _address(event.address) if event.address else {}
        self._change(rows, recorded, event.order_id, customer_id=event.customer_id, **address, **columns)
        for number, line in enumerate(event.lines, start=1):
            self._line(rows, event.order_id, number, line)

    def _line(self, rows: Rows, order_id: UUID, number: int, line: Line) -> None:
        rows.upsert(
            LineRow,
            {"order_id": order_id, "number": number},
            sku=line.sku,
            name=line.name,
            quantity=line.quantity,
            unit_price=line.unit_price,
        )

    def _change(self, rows: Rows, recorded: Recorded, order_id: UUID, **columns: Any) -> None:
        rows.upsert(DetailRow, {"order_id": order_id}, version=recorded.version, updated_at=recorded.time, **columns)


@read_models.projection("order_summary", mode="async", tables=[SummaryRow])
class OrderSummaries:
    """Behind the log: lists may be a moment late, and cost the commands nothing."""

    def created(self, event: OrderCreated, rows: Rows) -> None:
        self._order(rows, event, status=OrderStatus.CREATED)

    def added(self, event: ItemAdded, rows: Rows) -> None:
        line = event.line
        rows.add(SummaryRow, {"order_id": event.order_id}, articles=line.quantity, total=line.amount)

    def placed(self, event: OrderPlaced, rows: Rows, recorded: Recorded) -> None:
        self._order(rows, event, status=OrderStatus.PLACED, placed_on=recorded.time.date())

    def paid(self, event: OrderPaid, rows: Rows) -> None:
        rows.upsert(SummaryRow, {"order_id": event.order_id}, status=OrderStatus.PAID)

    def shipped(self, event: OrderShipped, rows: Rows) -> None:
        rows.upsert(SummaryRow, {"order_id": event.order_id}, status=OrderStatus.SHIPPED)

    def discarded(self, event: OrderDiscarded, rows: Rows) -> None:
        rows.upsert(SummaryRow, {"order_id": event.order_id}, status=OrderStatus.CANCELLED)

    def cancelled(self, event: OrderCancelled, rows: Rows) -> None:
        rows.upsert(SummaryRow, {"order_id": event.order_id}, status=OrderStatus.CANCELLED)

    def _order(self, rows: Rows, event: OrderCreated | OrderPlaced, **columns: Any) -> None:
        rows.upsert(
            SummaryRow,
            {"order_id": event.order_id},
            customer_id=event.customer_id,
            articles=sum(line.quantity for line in event.lines),
            total=sum((line.amount for line in event.lines), Decimal(0)),
            **columns,
        )


@read_models.projection("customer_totals", mode="async", tables=[CustomerRow])
class CustomerTotals:
    """Sums by customer; adding is safe, since each event is counted once."""

    def placed(self, event: OrderPlaced, rows: Rows) -> None:
        rows.add(CustomerRow, {"customer_id": event.customer_id}, orders=1, ordered=event.total)

    def paid(self, event: OrderPaid, rows: Rows) -> None:
        rows.add(CustomerRow, {"customer_id": event.customer_id}, paid=event.amount)

    def cancelled(self, event: OrderCancelled, rows: Rows) -> None:
        rows.add(
            CustomerRow,
            {"customer_id": event.customer_id},
            cancelled=1,
            ordered=-event.total,
            paid=-event.refund,
        )


def _address(address: Address) -> dict[str, str]:
    return asdict(address)
