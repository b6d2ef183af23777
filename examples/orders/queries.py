"""The read side: what can be asked about orders, answered from the read models as plain DTOs."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, TypeAlias
from uuid import UUID

from pydantic import Field
from sqlalchemy import Row, bindparam, select

from examples.orders.read_models import CustomerRow, DetailRow, LineRow, SummaryRow
from examples.orders.values import Address, Money, OrderStatus
from twofold import Invalid, Module, Page, Query
from twofold.sql import ReadSession, page_of, sort_by

queries = Module("orders.queries")

PageNumber: TypeAlias = Annotated[int, Field(ge=1)]
PageSize: TypeAlias = Annotated[int, Field(ge=1, le=200)]


@dataclass(frozen=True, kw_only=True)
class OrderLine:
    sku: str
    name: str
    quantity: int
    unit_price: Decimal
    total_price: Decimal


@dataclass(frozen=True, kw_only=True)
class OrderDetail:
    order_id: UUID
    customer_id: UUID
    status: OrderStatus
    total: Decimal
    placed_on: date | None
    """None until it is placed."""
    lines: tuple[OrderLine, ...]
    address: Address | None
    tracking_code: str | None
    status_reason: str | None
    version: int
    """How often it has changed: its `ETag`, which a command sends back as `If-Match`."""
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class OrderSummary:
    order_id: UUID
    customer_id: UUID
    status: OrderStatus
    articles: int
    total: Decimal
    placed_on: date | None


@dataclass(frozen=True, kw_only=True)
class CustomerTotals:
    customer_id: UUID
    orders: int
    cancelled: int
    ordered: Decimal
    """What the orders that were not cancelled come to."""
    paid: Decimal
    """What was paid, less what was given back."""


@dataclass(frozen=True, kw_only=True)
class GetOrder(Query[OrderDetail | None]):
    """One order, with its lines; as `text/event-stream`, whenever it is another one."""

    order_id: UUID


# Rows of columns, where objects would cost three times as much: nobody changes them.
_orders, _lines = DetailRow.__table__, LineRow.__table__
_ORDER = select(_orders).where(_orders.c.order_id == bindparam("order_id"))
_LINES = select(_lines).where(_lines.c.order_id == bindparam("order_id")).order_by(_lines.c.number)


@queries.handler(path="/orders/{order_id}", version="version", live=True, reads=["order_detail"])
async def get_order(query: GetOrder, session: ReadSession) -> OrderDetail | None:
    known = {"order_id": query.order_id}
    order = (await session.execute(_ORDER, known)).one_or_none()
    if order is None:
        return None
    lines = await session.execute(_LINES, known)
    return OrderDetail(
        order_id=order.order_id,
        customer_id=order.customer_id,
        status=OrderStatus(order.status),
        total=order.total,
        placed_on=order.placed_on,
        lines=tuple(_line(line) for line in lines),
        address=_address(order),
        tracking_code=order.tracking_code,
        status_reason=order.status_reason,
        version=order.version,
        updated_at=order.updated_at.replace(tzinfo=order.updated_at.tzinfo or UTC),  # SQLite keeps no time zone
    )


@dataclass(frozen=True, kw_only=True)
class FindOrders(Query[Page[OrderSummary]]):
    """Orders by customer, status, total and day, in the order and pages one asks for."""

    customer_id: UUID | None = None
    status: OrderStatus | None = None
    min_total: Money | None = None
    max_total: Money | None = None
    placed_from: date | None = None
    placed_to: date | None = None
    sort: str = "-order_id"
    """Newest first, unless asked for otherwise: ids grow with time."""
    page: PageNumber = 1
    page_size: PageSize = 20

    def __post_init__(self) -> None:
        if self.min_total is not None and self.max_total is not None and self.min_total > self.max_total:
            raise Invalid("min_total must not be above max_total", field="min_total")
        if self.placed_from is not None and self.placed_to is not None and self.placed_from > self.placed_to:
            raise Invalid("placed_from must not be after placed_to", field="placed_from")


_SORTABLE = {
    "order_id": SummaryRow.order_id,
    "placed_on": SummaryRow.placed_on,
    "status": SummaryRow.status,
    "total": SummaryRow.total,
}


@queries.handler(path="/orders")
async def find_orders(query: FindOrders, session: ReadSession) -> Page[OrderSummary]:
    statement = select(SummaryRow)
    # A filter that is 0 is a filter: each is compared with None, and not tested for truth.
    if query.customer_id is not None:
        statement = statement.where(SummaryRow.customer_id == query.customer_id)
    if query.status is not None:
        statement = statement.where(SummaryRow.status == query.status)
    if query.min_total is not None:
        statement = statement.where(SummaryRow.total >= query.min_total)
    if query.max_total is not None:
        statement = statement.where(SummaryRow.total <= query.max_total)
    if query.placed_from is not None:
        statement = statement.where(SummaryRow.placed_on >= query.placed_from)
    if query.placed_to is not None:
        statement = statement.where(SummaryRow.placed_on <= query.placed_to)
    statement = sort_by(statement, query.sort, _SORTABLE).order_by(SummaryRow.order_id)
    return await page_of(session, statement, _summary, page=query.page, page_size=query.page_size)


@dataclass(frozen=True, kw_only=True)
class GetCustomerTotals(Query[CustomerTotals | None]):
    """What one customer's orders come to."""

    customer_id: UUID


@queries.handler(path="/customers/{customer_id}/totals")
async def get_customer_totals(query: GetCustomerTotals, session: ReadSession) -> CustomerTotals | None:
    customer = await session.get(CustomerRow, query.customer_id)
    return None if customer is None else _totals(customer)


@dataclass(frozen=True, kw_only=True)
class FindCustomers(Query[Page[CustomerTotals]]):
    """Customers with their totals, the best first."""

    sort: str = "-paid"
    page: PageNumber = 1
    page_size: PageSize = 20


@queries.handler(path="/customers")
async def find_customers(query: FindCustomers, session: ReadSession) -> Page[CustomerTotals]:
    sortable = {"orders": CustomerRow.orders, "ordered": CustomerRow.ordered, "paid": CustomerRow.paid}
    statement = sort_by(select(CustomerRow), query.sort, sortable).order_by(CustomerRow.customer_id)
    return await page_of(session, statement, lambda row: _totals(row[0]), page=query.page, page_size=query.page_size)


def _line(line: Row[Any]) -> OrderLine:
    return OrderLine(
        sku=line.sku,
        name=line.name,
        quantity=line.quantity,
        unit_price=line.unit_price,
        total_price=line.quantity * line.unit_price,
    )


def _address(order: Row[Any]) -> Address | None:
    if order.street is None or order.postcode is None or order.city is None or order.country is None:
        return None
    return Address(street=order.street, postcode=order.postcode, city=order.city, country=order.country)


def _summary(row: Row[SummaryRow]) -> OrderSummary:
    (order,) = row
    return OrderSummary(
        order_id=order.order_id,
        customer_id=order.customer_id,
        status=OrderStatus(order.status),
        articles=order.articles,
        total=order.total,
        placed_on=order.placed_on,
    )


def _totals(customer: CustomerRow) -> CustomerTotals:
    return CustomerTotals(
        customer_id=customer.customer_id,
        orders=customer.orders,
        cancelled=customer.cancelled,
        ordered=customer.ordered,
        paid=customer.paid,
    )
