"""What can be asked about sales and about what customers come to, from a projection and a materialized view."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Row, select

from examples.orders.queries import PageNumber, PageSize
from examples.orders.sales import SaleRow, customer_order_stats
from twofold import Module, Page, Query
from twofold.sql import ReadSession, page_of

sales_queries = Module("orders.sales_queries")

_CENT = Decimal("0.01")
_stats = customer_order_stats.c
_customers = select(_stats.customer_id, _stats.orders, _stats.spent, _stats.first_on, _stats.last_on)


@dataclass(frozen=True, kw_only=True)
class CustomerOrders:
    """What a customer's placed orders come to; cancelled ones are left out."""

    customer_id: UUID
    orders: int
    spent: Decimal
    average: Decimal
    first_on: date
    last_on: date


@dataclass(frozen=True, kw_only=True)
class Sale:
    order_id: UUID
    customer_id: UUID
    placed_on: date
    articles: int
    total: Decimal
    cancelled: bool


@dataclass(frozen=True, kw_only=True)
class GetCustomerOrders(Query[CustomerOrders | None]):
    """One customer's orders: a row of the materialized view."""

    customer_id: UUID


@sales_queries.handler(path="/customers/{customer_id}/orders")
async def get_customer_orders(query: GetCustomerOrders, session: ReadSession) -> CustomerOrders | None:
    row = (await session.execute(_customers.where(_stats.customer_id == query.customer_id))).one_or_none()
    return None if row is None else _customer(row)


@dataclass(frozen=True, kw_only=True)
class FindCustomerStats(Query[Page[CustomerOrders]]):
    """All customers with orders, who spent most first: from the materialized view."""

    page: PageNumber = 1
    page_size: PageSize = 20


@sales_queries.handler(path="/customer-stats")
async def find_customer_stats(query: FindCustomerStats, session: ReadSession) -> Page[CustomerOrders]:
    statement = _customers.order_by(_stats.spent.desc(), _stats.customer_id)
    return await page_of(session, statement, _customer, page=query.page, page_size=query.page_size)


class FindSales(BaseModel, Query[Page[Sale]], frozen=True):
    """Placed orders, newest first; a message may as well be a model of pydantic."""

    placed_from: date | None = None
    placed_to: date | None = None
    page: PageNumber = 1
    page_size: PageSize = 20


@sales_queries.handler(path="/sales")
async def find_sales(query: FindSales, session: ReadSession) -> Page[Sale]:
    statement = select(SaleRow)
    if query.placed_from is not None:
        statement = statement.where(SaleRow.placed_on >= query.placed_from)
    if query.placed_to is not None:
        statement = statement.where(SaleRow.placed_on <= query.placed_to)
    statement = statement.order_by(SaleRow.placed_on.desc(), SaleRow.order_id.desc())
    return await page_of(session, statement, _sale, page=query.page, page_size=query.page_size)


def _customer(row: Row[UUID, int, Decimal, date, date]) -> CustomerOrders:
    customer_id, orders, spent, first_on, last_on = row
    average = (spent / orders).quantize(_CENT)
    return CustomerOrders(
        customer_id=customer_id, orders=orders, spent=spent, average=average, first_on=first_on, last_on=last_on
    )


def _sale(row: Row[SaleRow]) -> Sale:
    (sale,) = row
    return Sale(
        order_id=sale.order_id,
        customer_id=sale.customer_id,
        placed_on=sale.placed_on,
        articles=sale.articles,
        total=sale.total,
        cancelled=sale.cancelled,
    )
