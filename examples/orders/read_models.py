"""The read side's tables, and the projections that fill them from the events of orders.

Each projection is one class, and `mode` is its switch: `inline` commits with the command, `async` follows the log.
"""

from datetime import date
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from examples.orders.domain import OrderCancelled, OrderPaid, OrderPlaced, OrderShipped, OrderStatus
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
    articles: Mapped[int]
    total: Mapped[Decimal]
    placed_on: Mapped[date] = mapped_column(index=True)


class DetailRow(Tables):
    """All there is to say about one order, but its lines."""

    __tablename__ = "order_detail"

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID]
    status: Mapped[str]
    total: Mapped[Decimal]
    placed_on: Mapped[date]
    tracking_code: Mapped[str | None]
    cancel_reason: Mapped[str | None]


class LineRow(Tables):
    """A line of an order."""

    __tablename__ = "order_line"

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str]
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
    """Inline: whoever places an order sees it at once."""

    def placed(self, event: OrderPlaced, rows: Rows, recorded: Recorded) -> None:
        rows.upsert(
            DetailRow,
            {"order_id": event.order_id},
            customer_id=event.customer_id,
            status=OrderStatus.PLACED,
            total=event.total,
            placed_on=recorded.time.date(),
        )
        for number, line in enumerate(event.lines, start=1):
            rows.upsert(
                LineRow,
                {"order_id": event.order_id, "number": number},
                sku=line.sku,
                quantity=line.quantity,
                unit_price=line.unit_price,
            )

    def paid(self, event: OrderPaid, rows: Rows) -> None:
        rows.upsert(DetailRow, {"order_id": event.order_id}, status=OrderStatus.PAID)

    def shipped(self, event: OrderShipped, rows: Rows) -> None:
        rows.upsert(
            DetailRow, {"order_id": event.order_id}, status=OrderStatus.SHIPPED, tracking_code=event.tracking_code
        )

    def cancelled(self, event: OrderCancelled, rows: Rows) -> None:
        rows.upsert(DetailRow, {"order_id": event.order_id}, status=OrderStatus.CANCELLED, cancel_reason=event.reason)


@read_models.projection("order_summary", mode="async", tables=[SummaryRow])
class OrderSummaries:
    """Behind the log: lists may be a moment late, and cost the commands nothing."""

    def placed(self, event: OrderPlaced, rows: Rows, recorded: Recorded) -> None:
        rows.upsert(
            SummaryRow,
            {"order_id": event.order_id},
            customer_id=event.customer_id,
            status=OrderStatus.PLACED,
            articles=sum(line.quantity for line in event.lines),
            total=event.total,
            placed_on=recorded.time.date(),
        )

    def paid(self, event: OrderPaid, rows: Rows) -> None:
        rows.upsert(SummaryRow, {"order_id": event.order_id}, status=OrderStatus.PAID)

    def shipped(self, event: OrderShipped, rows: Rows) -> None:
        rows.upsert(SummaryRow, {"order_id": event.order_id}, status=OrderStatus.SHIPPED)

    def cancelled(self, event: OrderCancelled, rows: Rows) -> None:
        rows.upsert(SummaryRow, {"order_id": event.order_id}, status=OrderStatus.CANCELLED)


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
