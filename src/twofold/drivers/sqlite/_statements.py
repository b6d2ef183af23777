"""The statements that row changes come to in SQLite, each compiled once."""

from functools import lru_cache
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.sql.elements import ClauseElement

from twofold.drivers.sqlite._dialect import ThreadDialect
from twofold.sql import Change, RowStatement

dialect = ThreadDialect()


@lru_cache(maxsize=4096)
def deletion(table: Table[Any]) -> RowStatement:
    """Deletes rows by the values of their key."""
    change = Change(table, defaults=False)
    return change.for_each_row(change.deletion(), dialect)


@lru_cache(maxsize=4096)
def writes(table: Table[Any], sets: tuple[str, ...], adds: tuple[str, ...]) -> tuple[RowStatement, ...]:
    """The statements to try one after the other, until one has changed every row."""
    change = Change(table, sets, adds)
    return tuple([change.for_each_row(statement, dialect) for statement in change.writes(_upsert)])


def _upsert(change: Change) -> ClauseElement:
    return change.upsert(insert(change.table).values(change.inserted).inline())
