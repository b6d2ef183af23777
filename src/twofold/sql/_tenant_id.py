"""Whose rows a message may see: a column says which tenant a row belongs to, the context says which one asks.

Sessions ask here for every statement that is about such a table (`_one_tenant.py`). Outside of messages nobody asks:
that is twofold's own work, a projection or the refreshing of a view, for the tenants of many events.
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, ClassVar

from sqlalchemy import Column, Dialect, String, Table, event
from sqlalchemy.exc import DontWrapMixin
from sqlalchemy.sql.schema import ColumnDefault
from sqlalchemy.types import TypeDecorator

from twofold.errors import Forbidden
from twofold.messages import Context, current_context


class ForeignTenant(Forbidden, DontWrapMixin):
    """A statement names another tenant than the one of its message, or would move a row to one."""

    code: ClassVar[str] = "foreign_tenant"


class TenantRequired(Forbidden, DontWrapMixin):
    """A message of no tenant touches rows that belong to tenants."""

    code: ClassVar[str] = "tenant_required"


class TenantId(TypeDecorator[str]):
    """The type of the column that says which tenant a row belongs to; a table has one such column at most.

    Sessions show a message the rows of its own tenant only, in every SELECT, UPDATE and DELETE that SQLAlchemy makes.
    New rows get the tenant of the message; another one's is refused. SQL as text is beyond its reach.

    Example:
        >>> class Invoice(Base):
        ...     __tablename__ = "invoices"
        ...     id: Mapped[int] = mapped_column(primary_key=True)
        ...     tenant: Mapped[str] = mapped_column(TenantId, index=True)
    """

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """The value, unless it is another tenant's and the statement is guarded.

        Raises:
            ForeignTenant: It is another tenant's.
            TenantRequired: The message has none.
        """
        if getattr(dialect.statement_compiler, "guards_tenants", False) and value != own_tenant():
            raise ForeignTenant("this belongs to another tenant")
        return value


@contextmanager
def every_tenant() -> Generator[None]:
    """Let the message that is being handled see and change the rows of all tenants, for a block: administration.

    Messages that are sent inside have their own tenant again. Who may send a message that does this is for its policy
    to say.

    Example:
        >>> @billing.handler(authorize=is_operator)
        ... async def count(query: CountInvoices, session: ReadSession) -> int:
        ...     with every_tenant():
        ...         return await session.scalar(select(func.count()).select_from(Invoice))
    """
    token = _opened.set(current_context())
    try:
        yield
    finally:
        _opened.reset(token)


def sees_every_tenant() -> bool:
    """Whether statements are about the rows of all tenants here."""
    context = current_context()
    return context is None or _opened.get() is context


def own_tenant() -> str:
    """The tenant of the message.

    Raises:
        TenantRequired: There is none.
    """
    context = current_context()
    if context is None or context.tenant is None:
        raise TenantRequired("this belongs to tenants, and the message has none")
    return context.tenant


@lru_cache(maxsize=1024)
def tenant_column_of(table: Table[Any]) -> Column[Any] | None:
    """The column of a table that says which tenant a row belongs to; None when its rows belong to nobody."""
    return next((column for column in table.columns if isinstance(column.type, TenantId)), None)


@event.listens_for(Column, "after_parent_attach")
def _fill_by_itself(column: Column[Any], _: Any) -> None:
    # A default is made for each row, however rows are written: by sessions, by inline projections, in memory.
    if isinstance(column.type, TenantId) and column.default is None:
        column.default = default = ColumnDefault(own_tenant)
        default.column = column


_opened: ContextVar[Context | None] = ContextVar("twofold_every_tenant", default=None)
