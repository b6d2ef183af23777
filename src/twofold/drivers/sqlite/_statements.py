"""The SQL that row changes come to, compiled by SQLAlchemy once for each table and set of columns.

Values pass through the types of their columns, so a session reads back what a change has written.
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
    Table,
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

Values: TypeAlias = tuple[Any, ...]

dialect = ThreadDialect()
_PREFIX = "twofold_"


@dataclass(frozen=True, slots=True)
class Statement:
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
        """Execute it once for each row; gives how many rows it changed."""
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
def deletion(table: Table[Any]) -> Statement:
    """Deletes rows by the values of their key."""
    row = _Row(table, (), ())
    return row.compiled(delete(table).where(*row.is_this))


@lru_cache(maxsize=4096)
def writes(table: Table[Any], sets: tuple[str, ...], adds: tuple[str, ...]) -> tuple[Statement, ...]:
    """The statements to try one after the other, until one has changed every row.

    A row that brings every column which must not be NULL is inserted, or updated where it exists. One that does not
    would be refused as an insertion even where it exists: it is updated first, and inserted where it was missing.
    """
    row = _Row(table, sets, adds)
    if row.is_whole:
        return (row.compiled(_upsert(row)),)
    if row.changes_nothing:
        return (row.compiled(_insertion_of_missing(row)),)
    return row.compiled(_update(row)), row.compiled(_insertion_of_missing(row))


class _Row:
    """The columns of a row that a change brings or a default supplies, each with its parameter."""

    def __init__(self, table: Table[Any], sets: Iterable[str], adds: Iterable[str]) -> None:
        self.table = table
        self.key: list[Column[Any]] = list(table.primary_key.columns)
        self.set: list[Column[Any]] = [table.c[name] for name in sets]
        self.added: list[Column[Any]] = [table.c[name] for name in adds]
        self.given = {column: _value(i, column) for i, column in enumerate((*self.key, *self.set, *self.added))}
        self._supplies = list[Callable[[], Any]]()
        others = [column for column in table.columns if column not in self.given]
        self.defaults = {c: self._supplied(c, c.default) for c in others if c.default is not None}
        self.refreshed = {c: self._supplied(c, c.onupdate) for c in others if c.onupdate is not None}
        self.is_whole = all(c in self.defaults or c.nullable or c.server_default is not None for c in others)
        self.changes_nothing = not (self.set or self.added)

    @property
    def is_this(self) -> list[ColumnElement[bool]]:
        """The condition that finds the row."""
        return [column == self.given[column] for column in self.key]

    def changed(self, source: Callable[[Column[Any]], Any]) -> dict[Column[Any], Any]:
        """What an update sets columns to, where `source` gives the new values."""
        sums = {c: func.coalesce(c, literal_column("0")) + source(c) for c in self.added}
        return self.refreshed | {c: source(c) for c in self.set} | sums

    def compiled(self, statement: ClauseElement) -> Statement:
        """The statement, with the way from the values of a row to its parameters."""
        compiled = cast("SQLCompiler", statement.compile(dialect=dialect))
        names = compiled.positiontup or []
        supplies, places = [*self._supplies], dict[str, int]()
        for name in names:
            if name.startswith(_PREFIX):
                places[name] = int(name.removeprefix(_PREFIX))
            else:  # a constant of some expression
                supplies.append(partial(_same, compiled.binds[name].effective_value))
                places[name] = len(self.given) + len(supplies) - 1
        picks = tuple(places[name] for name in names)
        processors = [compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names]
        return Statement(
            str(compiled),
            tuple(supplies) if max(picks, default=0) >= len(self.given) else (),
            None if picks == tuple(range(len(self.given))) else picks,
            tuple((index, processor) for index, processor in enumerate(processors) if processor is not None),
        )

    def _supplied(self, column: Column[Any], default: DefaultGenerator) -> Any:
        if isinstance(default, ColumnElementColumnDefault):
            return default.arg
        if isinstance(default, CallableColumnDefault):
            self._supplies.append(partial(cast("Callable[[None], Any]", default.arg), None))
        elif isinstance(default, ScalarElementColumnDefault):
            self._supplies.append(partial(_same, default.arg))
        else:
            raise WiringError(f"column {column} has a default that a row change cannot make: give it a value")
        return _value(len(self.given) + len(self._supplies) - 1, column)


def _upsert(row: _Row) -> ClauseElement:
    insertion = insert(row.table).values(row.given | row.defaults).inline()
    if row.changes_nothing:
        return insertion.on_conflict_do_nothing(index_elements=row.key)
    changed = row.changed(lambda column: insertion.excluded[column.key])
    return insertion.on_conflict_do_update(index_elements=row.key, set_=changed)


def _update(row: _Row) -> ClauseElement:
    return update(row.table).where(*row.is_this).values(row.changed(row.given.__getitem__))


def _insertion_of_missing(row: _Row) -> ClauseElement:
    values = row.given | row.defaults
    missing = select(*values.values()).where(~exists(literal_column("1")).where(*row.is_this))
    return insert(row.table).from_select(list(values), missing, include_defaults=False)


def _value(index: int, column: Column[Any]) -> BindParameter[Any]:
    return bindparam(f"{_PREFIX}{index}", type_=column.type)


def _same(value: Any) -> Any:
    return value
