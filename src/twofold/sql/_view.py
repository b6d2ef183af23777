"""Materialized views: what a statement selects, kept as rows. PostgreSQL has its own; elsewhere it is a table."""

from collections.abc import Collection, Sequence
from typing import Any, final

from sqlalchemy import (
    Column,
    ColumnClause,
    ColumnElement,
    Dialect,
    Executable,
    Index,
    Label,
    MetaData,
    Select,
    Table,
    delete,
    insert,
    text,
)
from sqlalchemy.schema import CreateIndex, CreateTable, CreateView
from sqlalchemy.sql import visitors
from sqlalchemy.types import NullType

from twofold.errors import WiringError

_POSTGRESQL = "postgresql"


@final
class View:
    """A materialized view of other tables, refreshed when events happen or by the clock.

    It stands in a `select` like a table, and has its columns as `c`. Readers see the rows of one refresh, all of them.
    Events refresh it once what they change is there: the projections that fill its tables come first. However many
    events wait, they are one refresh.

    Args:
        name: Its name in the database. Another statement needs another name.
        statement: What it selects; every column has a name, given by `label` where it is computed.
        key: The columns that tell its rows apart; none of them is ever NULL.
        refresh_on: The events that it is refreshed on.
        refresh_every: After how many seconds it is refreshed, by the clock.

    Raises:
        WiringError: A column has no name, the key names none, or it is not said once when to refresh it.

    Example:
        >>> customer_stats = View(
        ...     "customer_stats",
        ...     select(OrderRow.customer_id, func.sum(OrderRow.total).label("spent")).group_by(OrderRow.customer_id),
        ...     key=["customer_id"],
        ...     refresh_on=[OrderPlaced, OrderCancelled],
        ... )
        >>> orders.view(customer_stats)
        >>> of_ada = select(customer_stats.c.spent).where(customer_stats.c.customer_id == ada)
    """

    def __init__(
        self,
        name: str,
        statement: Select[*tuple[Any, ...]],
        *,
        key: Sequence[str],
        refresh_on: Collection[type] = (),
        refresh_every: float | None = None,
    ) -> None:
        columns = [_named(name, column) for column in statement.selected_columns]
        names = [column.name for column in columns]
        if not key or not set(key) <= set(names):
            raise WiringError(f"view {name!r} has no columns ({', '.join(key)}) for its key, only {', '.join(names)}")
        if bool(refresh_on) == (refresh_every is not None):
            raise WiringError(f"view {name!r} is refreshed on events or every so many seconds: say one of the two")
        if refresh_every is not None and refresh_every <= 0:
            raise WiringError(f"view {name!r} cannot be refreshed every {refresh_every} seconds")
        self.name = name
        self.statement = statement
        self.refresh_on = tuple(refresh_on)
        self.refresh_every = refresh_every
        self.table: Table[Any] = Table(
            name,
            MetaData(),
            *(Column(one.name, one.type, primary_key=one.name in key, autoincrement=False) for one in columns),
        )
        self.c = self.table.c

    @property
    def untyped(self) -> list[str]:
        """The names of the columns that nobody has said the type of: what a function of SQL answers, say."""
        return [column.name for column in self.table.columns if isinstance(column.type, NullType)]

    def __clause_element__(self) -> Table[Any]:
        return self.table

    @property
    def reads(self) -> frozenset[str]:
        """The names of the tables that it selects from."""
        return frozenset(one.fullname for one in visitors.iterate(self.statement) if isinstance(one, Table))


def view_statements(view: View, dialect: Dialect) -> list[str]:
    """The SQL that creates a view where it is missing.

    Args:
        view: The view.
        dialect: The dialect to write it in.
    """
    if dialect.name != _POSTGRESQL:
        return [str(CreateTable(view.table, if_not_exists=True).compile(dialect=dialect))]
    create = CreateView(view.statement, view.name, materialized=True)
    create.if_not_exists = True
    # Without a unique index PostgreSQL cannot refresh it while it is read.
    table = Table(view.name, MetaData(), *(Column(one.name, one.type) for one in view.table.columns))
    index = Index(f"{view.name}_key", *(table.c[one.name] for one in view.table.primary_key.columns), unique=True)
    index_statement = CreateIndex(index, if_not_exists=True)
    return [str(create.compile(dialect=dialect)), str(index_statement.compile(dialect=dialect))]


def refresh_statements(view: View, dialect: Dialect) -> list[Executable]:
    """What refreshes a view, inside one transaction: nobody sees it empty.

    Args:
        view: The view.
        dialect: The dialect that it will be written in.
    """
    if dialect.name == _POSTGRESQL:
        name = dialect.identifier_preparer.format_table(view.table)
        return [text(f"REFRESH MATERIALIZED VIEW CONCURRENTLY {name}".replace(":", r"\:"))]
    names = [column.name for column in view.table.columns]
    return [delete(view.table), insert(view.table).from_select(names, view.statement, include_defaults=False)]


def _named(view: str, column: ColumnElement[Any]) -> Column[Any]:
    """A column of the same name and type, for the table that the view is kept in."""
    found: Any = column
    if not isinstance(column, (Label, ColumnClause)):
        raise WiringError(f"view {view!r} selects {column}, which has no name: give it one with .label(...)")
    return Column(found.name, found.type)
