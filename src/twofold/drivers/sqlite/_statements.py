"""The statements that row changes come to in SQLite, each compiled once."""

from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Integer, Table, and_, case, func, literal_column
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.sql.elements import ClauseElement

from twofold.drivers.sqlite._dialect import ThreadDialect
from twofold.sql import Change, RowStatement, places_of

dialect = ThreadDialect()

TOO_LARGE: Final = "integer overflow"
"""What SQLite says of a sum of whole numbers that has more than 64 bits, where `writes` makes one."""


@lru_cache(maxsize=4096)
def deletion(table: Table[Any]) -> RowStatement:
    """Deletes rows by the values of their key."""
    change = Change(table, defaults=False)
    return change.for_each_row(change.deletion(), dialect)


@lru_cache(maxsize=4096)
def writes(table: Table[Any], sets: tuple[str, ...], adds: tuple[str, ...]) -> tuple[RowStatement, ...]:
    """The statements to try one after the other, until one has changed every row."""
    change = Change(table, sets, adds, total=_total)
    return tuple([change.for_each_row(statement, dialect) for statement in change.writes(_upsert)])


def _upsert(change: Change) -> ClauseElement:
    return change.upsert(insert(change.table).values(change.inserted).inline())


def _total(column: Column[Any], total: ColumnElement[Any]) -> ColumnElement[Any]:
    """A sum of decimal numbers, which SQLite keeps as floats, is the one that is nearest to the exact sum."""
    places = places_of(column.type.dialect_impl(dialect))
    return func.round(total, literal_column(str(places))) if places else _whole(column, total)


def _whole(column: Column[Any], total: ColumnElement[Any]) -> ColumnElement[Any]:
    """A sum of whole numbers that has more than 64 bits is an error; SQLite would go on with a float."""
    if "INT" not in column.type.compile(dialect=dialect):  # by which SQLite tells it, too
        return total
    nothing, one, most = [literal_column(number, Integer) for number in ("0", "1", "9223372036854775807")]
    beyond = and_(func.typeof(total) == literal_column("'real'"), func.abs(total) >= most)
    # `abs` fails for the least number, as nothing else in an expression does; a constant could be asked beforehand.
    refused = func.abs(func.coalesce(column, nothing) * nothing - most - one)
    return case((beyond, refused), else_=total)
