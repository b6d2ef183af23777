"""Lists for clients: a page with the total, sorted by columns that were declared for it and by no others."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, TypeVarTuple, overload

from sqlalchemy import ColumnElement, Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from twofold.errors import Invalid
from twofold.messages import Page

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
S = TypeVar("S", bound=Select[Any])


_LAST_PAGE = 1_000_000_000  # an offset must fit into the integers of every database


@overload
async def page_of(
    session: AsyncSession, statement: Select[T], *, page: int = 1, page_size: int = 20, largest: int = 200
) -> Page[T]: ...


@overload
async def page_of(
    session: AsyncSession,
    statement: Select[*Ts],
    item: Callable[[Row[*Ts]], T],
    *,
    page: int = 1,
    page_size: int = 20,
    largest: int = 200,
) -> Page[T]: ...


async def page_of(
    session: AsyncSession,
    statement: Any,
    item: Callable[..., Any] | None = None,
    *,
    page: int = 1,
    page_size: int = 20,
    largest: int = 200,
) -> Page[Any]:
    """One page of what a statement selects, and how many rows there are in all.

    Args:
        session: Where to read.
        statement: What to select, in order; end the order with a unique column, so that pages do not overlap.
        item: Makes an item of a row; without it, items are the first column or entity of each row.
        page: Which page, from 1.
        page_size: How many items a full page has.
        largest: The largest page size that may be asked for.

    Raises:
        Invalid: The page is below 1 or absurd, or its size is not between 1 and `largest`.
    """
    if not 1 <= page <= _LAST_PAGE:
        raise Invalid(f"page must be between 1 and {_LAST_PAGE}", field="page")
    if not 1 <= page_size <= largest:
        raise Invalid(f"page_size must be between 1 and {largest}", field="page_size")
    total = await session.scalar(select(func.count()).select_from(statement.order_by(None).subquery()))
    rows = await session.execute(statement.limit(page_size).offset((page - 1) * page_size))
    items: list[Any] = [row[0] if item is None else item(row) for row in rows]
    return Page[Any].of(items, total=total or 0, page=page, page_size=page_size)


def sort_by(statement: S, sort: str, allowed: Mapping[str, ColumnElement[Any] | InstrumentedAttribute[Any]]) -> S:
    """Order a statement by the fields that a client names.

    Args:
        statement: What to order; what it is ordered by already comes first.
        sort: Names of fields, separated by commas, a minus before those that go down: `-placed_at,id`.
        allowed: The column behind each name that a client may use.

    Raises:
        Invalid: A field is not allowed.
    """
    for name in filter(None, (part.strip() for part in sort.split(","))):
        column = allowed.get(name.removeprefix("-"))
        if column is None:
            raise Invalid(f"cannot sort by {name!r}, only by {', '.join(sorted(allowed))}", field="sort")
        statement = statement.order_by(column.desc() if name.startswith("-") else column.asc())
    return statement
