"""What was sold: a row for each placed order, and a materialized view of what each customer comes to."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, mapped_column

from examples.orders.domain import OrderCancelled, OrderPlaced
from examples.orders.read_models import Tables
from twofold import Module, Rows
from twofold.sql import View
from twofold.store import Recorded

sales = Module("orders.sales")


class SaleRow(Tables):
    """An order that was placed."""

    __tablename__ = "sales_analytics"

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(index=True)
    placed_on: Mapped[date] = mapped_column(index=True)
    articles: Mapped[int]
    total: Mapped[Decimal]
    cancelled: Mapped[bool]


@sales.projection("sales_analytics", mode="async", tables=[SaleRow])
class SalesAnalytics:
    """A sale stays a row when it is cancelled, and says so."""

    def placed(self, event: OrderPlaced, rows: Rows, recorded: Recorded) -> None:
        rows.upsert(
            SaleRow,
            {"order_id": event.order_id},
            customer_id=event.customer_id,
            placed_on=recorded.time.date(),
            articles=sum(line.quantity for line in event.lines),
            total=event.total,
            cancelled=False,
        )

    def cancelled(self, event: OrderCancelled, rows: Rows) -> None:
        rows.upsert(SaleRow, {"order_id": event.order_id}, cancelled=True)


customer_order_stats = View(
    "customer_order_stats",
    select(
        SaleRow.customer_id,
        func.count(SaleRow.order_id).label("orders"),
        func.sum(SaleRow.total).label("spent"),
        func.min(SaleRow.placed_on).label("first_on"),
        func.max(SaleRow.placed_on).label("last_on"),
    )
    .where(SaleRow.cancelled.is_(False))
    .group_by(SaleRow.customer_id),
    key=["customer_id"],
    refresh_on=[OrderPlaced, OrderCancelled],
)
sales.view(customer_order_stats)
