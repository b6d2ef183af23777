"""Whose rows a message may see: a column says which tenant a row belongs to, the context says which one asks.

Sessions ask here for every statement that is about such a table (`_one_tenant.py`). Outside of messages nobody asks:
that is twofold's own work, a projection or the refreshing of a view, for the tenants of many events.
"""

from functools import lru_cache
from typing import Any, ClassVar

from sqlalchemy import Column, Dialect, String, Table, event
from sqlalchemy.exc import DontWrapMixin
from sqlalchemy.sql.schema import ColumnDefault
from sqlalchemy.types import TypeDecorator

from twofold.errors import Forbidden, ForeignTenant
from twofold.messages import current_context


class ForeignRow(ForeignTenant, DontWrapMixin):
    """A statement names another tenant than the one of its message, or would move a row to one."""

    code: ClassVar[str] = ForeignTenant.code


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
            ForeignRow: It is another tenant's.
            TenantRequired: The message has none.
        """
        if getattr(dialect.statement_compiler, "guards_tenants", False) and value != own_tenant():
            raise ForeignRow("this belongs to another tenant")
        return value


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
