"""Writes the row changes of a batch with as few statements as possible; the hot path of projections.

The writer's thread calls it, inside a transaction. SQLAlchemy compiles a statement once for each table and set of
columns, with the types that a session uses; it is then executed on the bare connection.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from sqlite3 import Connection
from typing import Any, TypeAlias, cast

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Insert,
    Table,
    Update,
    bindparam,
    delete,
    exists,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.schema import (
    CallableColumnDefault,
    ColumnElementColumnDefault,
    DefaultGenerator,
    ScalarElementColumnDefault,
)

from twofold.drivers.sqlite._dialect import ThreadDialect
from twofold.errors import WiringError
from twofold.sql import DeleteRows, WriteRows, create_statements, fold
from twofold.store import RowChange

Values: TypeAlias = tuple[Any, ...]


def apply_rows(connection: Connection, rows: Sequence[RowChange]) -> None:
    """Apply row changes inside the transaction that is open, as if one after the other.

    Args:
        connection: The connection that writes.
        rows: The changes, in order.

    Raises:
        WiringError: A change names a table without a primary key, or columns that its table does not have.
        sqlite3.IntegrityError: A missing row cannot be inserted from what a change knows.
    """
    for step in fold(rows):
        if isinstance(step, DeleteRows):
            _deletion(step.table).execute(connection, step.rows)
        else:
            _write(connection, step)


def create_tables(connection: Connection, tables: Iterable[Any]) -> None:
    """Create the tables and indexes that are missing, inside the transaction that is open."""
    for statement in create_statements(tables, _dialect):
        connection.execute(statement)


def _write(connection: Connection, step: WriteRows) -> None:
    for statement in _writes(step.table, step.sets, step.adds):
        if statement.execute(connection, step.rows) == len(step.rows):
            return


@dataclass(frozen=True, slots=True)
class _Statement:
    """SQL, and how the values of a row become its parameters.

    Args:
        sql: The text.
        supplies: Values that no change brings: defaults of columns.
        picks: For each parameter, the index of its value; None when they are all in order already.
        converts: What to do to which parameter.
    """

    sql: str
    supplies: tuple[Callable[[], Any], ...]
    picks: tuple[int, ...] | None
    converts: tuple[tuple[int, Callable[[Any], Any]], ...]

    def execute(self, connection: Connection, rows: Sequence[Values]) -> int:
        """Execute once for each row; gives how many rows it changed."""
        return connection.executemany(self.sql, self._parameters(rows)).rowcount

    def _parameters(self, rows: Sequence[Values]) -> Sequence[Sequence[Any]]:
        if self.supplies:
            rows = [(*row, *[supply() for supply in self.supplies]) for row in rows]
        if self.picks is not None:
            rows = [tuple([row[pick] for pick in self.picks]) for row in rows]
        if not self.converts:
            return rows
        parameters = [list(row) for row in rows]
        for index, convert in self.converts:
            for row in parameters:
                row[index] = convert(row[index])
        return parameters


@lru_cache(maxsize=4096)
def _deletion(table: Table) -> _Statement:
    key = list(table.primary_key.columns)
    return _compiled(delete(table).where(*[column == _value(i, column) for i, column in enumerate(key)]), len(key), ())


@lru_cache(maxsize=4096)
def _writes(table: Table, sets: tuple[str, ...], adds: tuple[str, ...]) -> tuple[_Statement, ...]:
    """The statements to try one after the other, until one has changed every row.

    A row that brings every column which must not be NULL is inserted, or updated where it exists. One that does not
    would be refused as an insertion even where it exists: it is updated first, and inserted where it was missing.
    """
    key = list(table.primary_key.columns)
    changed, added = [table.c[name] for name in sets], [table.c[name] for name in adds]
    given = {column: _value(index, column) for index, column in enumerate((*key, *changed, *added))}
    supplies = list[Callable[[], Any]]()

    def supplied(column: Column[Any], default: DefaultGenerator) -> Any:
        if isinstance(default, ColumnElementColumnDefault):
            return default.arg
        if isinstance(default, CallableColumnDefault):
            supplies.append(partial(cast("Callable[[None], Any]", default.arg), None))
        elif isinstance(default, ScalarElementColumnDefault):
            supplies.append(lambda: default.arg)
        else:
            raise WiringError(f"column {column} has a default that a row change cannot make: give it a value")
        return _value(len(given) + len(supplies) - 1, column)

    others = [column for column in table.columns if column not in given]
    inserted = given | {c: supplied(c, c.default) for c in others if c.default is not None}
    updated = {c: supplied(c, c.onupdate) for c in others if c.onupdate is not None}

    def compiled(statement: Insert | Update) -> _Statement:
        return _compiled(statement, len(given), supplies)

    if all(column in inserted or column.nullable or column.server_default is not None for column in others):
        insertion = insert(table).values(inserted).inline()
        settings = updated | {c: insertion.excluded[c.key] for c in changed}
        settings |= {c: _count(c) + insertion.excluded[c.key] for c in added}
        if sets or adds:
            return (compiled(insertion.on_conflict_do_update(index_elements=key, set_=settings)),)
        return (compiled(insertion.on_conflict_do_nothing(index_elements=key)),)

    same_key = [column == given[column] for column in key]
    missing = select(*inserted.values()).where(~exists(literal_column("1")).where(*same_key))
    insertion = insert(table).from_select(list(inserted), missing, include_defaults=False)
    settings = updated | {c: given[c] for c in changed} | {c: _count(c) + given[c] for c in added}
    if sets or adds:
        return compiled(update(table).where(*same_key).values(settings)), compiled(insertion)
    return (compiled(insertion),)


def _value(index: int, column: Column[Any]) -> BindParameter[Any]:
    return bindparam(f"v{index}", type_=column.type)


def _count(column: Column[Any]) -> ColumnElement[Any]:
    return func.coalesce(column, literal_column("0"))


def _compiled(statement: ClauseElement, given: int, supplies: Sequence[Callable[[], Any]]) -> _Statement:
    compiled = cast("SQLCompiler", statement.compile(dialect=_dialect))
    names = compiled.positiontup or []
    picks = tuple(int(name.removeprefix("v")) for name in names)
    processors = [compiled.binds[name].type.dialect_impl(_dialect).bind_processor(_dialect) for name in names]
    return _Statement(
        str(compiled),
        tuple(supplies) if max(picks, default=0) >= given else (),
        None if picks == tuple(range(given)) else picks,
        tuple((index, processor) for index, processor in enumerate(processors) if processor is not None),
    )


_dialect = ThreadDialect()
