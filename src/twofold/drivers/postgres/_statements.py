"""The statements that row changes come to in PostgreSQL, each compiled once.

All rows of a step go to the server in one statement, which takes an array for each column. Where that could change
the outcome, since order matters or a value is an array itself, one statement is sent for each row.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, TypeAlias, cast

from sqlalchemy import (
    ARRAY,
    BindParameter,
    Column,
    ColumnElement,
    String,
    Table,
    bindparam,
    column,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import BIT, insert
from sqlalchemy.dialects.postgresql.named_types import NamedType
from sqlalchemy.dialects.postgresql.ranges import AbstractMultiRange
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.types import TypeEngine, UserDefinedType

from twofold.drivers.postgres._dialect import LoopDialect
from twofold.sql import Change, RowStatement, Values, layout_of, place_of, supplied, value_of

dialect = LoopDialect()
_NO_ARRAY = (ARRAY, BIT, AbstractMultiRange, UserDefinedType)


@dataclass(frozen=True, slots=True)
class ColumnStatement:
    """SQL for any number of rows, and how their values become its parameters: one array for each column.

    Args:
        sql: The text.
        supplies: Values that no change brings: defaults of columns.
        takes: What makes each parameter of the columns.
    """

    sql: str
    supplies: tuple[Callable[[], Any], ...]
    takes: tuple[Callable[[Sequence[Values]], Any], ...]

    def parameters(self, rows: Sequence[Values]) -> list[Any]:
        """The parameters for rows, which are at least one."""
        columns = [*zip(*supplied(rows, self.supplies), strict=True)]
        return [take(columns) for take in self.takes]


Statement: TypeAlias = ColumnStatement | RowStatement


@lru_cache(maxsize=4096)
def deletion(table: Table[Any]) -> Statement:
    """Deletes rows by the values of their key."""
    change = Change(table, defaults=False)
    if not _fits_arrays(change) or not layout_of(table).free:
        return change.for_each_row(change.deletion(), dialect)
    change, _ = _of_arrays(change)
    return _compiled(change, change.deletion())


@lru_cache(maxsize=4096)
def writes(table: Table[Any], sets: tuple[str, ...], adds: tuple[str, ...]) -> tuple[Statement, ...]:
    """The statements to try one after the other, until one has changed every row."""
    change = Change(table, sets, adds)
    # An insertion takes its rows in order; an update joins them, in whatever order the server likes. Where an insertion
    # becomes an update, it knows no values but those to be inserted.
    in_arrays = not _supplies_updates(change) if change.is_whole else layout_of(table).free
    if not in_arrays or not _fits_arrays(change):
        return tuple([change.for_each_row(statement, dialect) for statement in change.writes(_upsert_row)])
    change, source = _of_arrays(change)
    return tuple([_compiled(change, statement) for statement in change.writes(partial(_upsert_rows, source))])


def plain_type(column: Column[Any]) -> TypeEngine[Any]:
    """The type of a column as the database has it, without what wraps it in Python."""
    wrapped: Any = column.type
    plain: TypeEngine[Any] = wrapped._unwrapped_dialect_impl(dialect)
    return plain


def _fits_arrays(change: Change) -> bool:
    return not any(isinstance(plain_type(column), _NO_ARRAY) for column in change.columns)


def _supplies_updates(change: Change) -> bool:
    return any(isinstance(value, BindParameter) for value in change.refreshed.values())


def _of_arrays(change: Change) -> tuple[Change, Any]:
    """The same change for many rows, whose values come from the columns of a source of rows."""
    arrays = [bindparam(value_of(i, c).key, type_=ARRAY(_element(c))) for i, c in enumerate(change.columns)]
    names = [column(f"c{i}", c.type) for i, c in enumerate(change.columns)]
    source = func.unnest(*arrays).table_valued(*names).render_derived(name="twofold_rows")

    def from_source(index: int, _: Column[Any]) -> ColumnElement[Any]:
        return cast("ColumnElement[Any]", source.c[index])

    sets, adds = [c.key for c in change.set], [c.key for c in change.added]
    return Change(change.table, sets, adds, defaults=change.with_defaults, value=from_source), source


def _element(column: Column[Any]) -> TypeEngine[Any]:
    plain: Any = plain_type(column)
    # An array of VARCHAR(3) would cut longer values, where a column refuses them.
    return String() if isinstance(plain, String) and not isinstance(plain, NamedType) and plain.length else plain


def _upsert_row(change: Change) -> ClauseElement:
    return change.upsert(insert(change.table).values(change.inserted).inline())


def _upsert_rows(source: Any, change: Change) -> ClauseElement:
    rows = select(*change.inserted.values()).select_from(source)
    return change.upsert(insert(change.table).from_select(list(change.inserted), rows, include_defaults=False))


def _compiled(change: Change, statement: ClauseElement) -> ColumnStatement:
    compiled = cast("SQLCompiler", statement.compile(dialect=dialect))
    takes: list[Callable[[Sequence[Values]], Any]] = []
    for name in compiled.positiontup or []:
        place = place_of(name)
        if place is None:  # a constant of some expression
            bind = compiled.binds[name]
            convert = bind.type.dialect_impl(dialect).bind_processor(dialect)
            value = bind.effective_value
            takes.append(partial(_constant, value if convert is None else convert(value)))
        else:
            convert = change.columns[place].type.dialect_impl(dialect).bind_processor(dialect)
            takes.append(partial(_values, place, convert))
    return ColumnStatement(str(compiled), tuple(change.supplies), tuple(takes))


def _values(place: int, convert: Callable[[Any], Any] | None, columns: Sequence[Values]) -> Sequence[Any]:
    return columns[place] if convert is None else [convert(value) for value in columns[place]]


def _constant(value: Any, columns: Sequence[Values]) -> Any:
    return value
