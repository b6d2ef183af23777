"""Writes the row changes of a batch with as few statements as possible; the hot path of projections.

The writer's thread calls it, inside a transaction, with the bare connection.
"""

from collections.abc import Iterable, Sequence
from sqlite3 import Connection, OperationalError
from typing import Any, cast

from twofold.drivers.sqlite._faults import holding
from twofold.drivers.sqlite._statements import TOO_LARGE, deletion, dialect, writes
from twofold.errors import Invalid
from twofold.sql import (
    DeleteRows,
    RowStatement,
    Values,
    View,
    WriteRows,
    create_statements,
    fold,
    name_rows,
    refresh_statements,
    table_of,
)
from twofold.store import NUMBER_NOT_HELD, RowChange


def apply_rows(connection: Connection, rows: Sequence[RowChange]) -> None:
    """Apply row changes inside the transaction that is open, as if one after the other.

    Args:
        connection: The connection that writes.
        rows: The changes, in order.

    Raises:
        WiringError: A change names a table without a primary key, or columns that its table does not have.
        Invalid: A number, or a sum of whole numbers, has more than 64 bits.
        sqlite3.IntegrityError: A missing row cannot be inserted from what a change knows.
    """
    for step in fold(rows, dialect):
        try:
            _apply(connection, step)
        except Exception as error:
            name_rows(error, step)
            raise


def create_tables(connection: Connection, tables: Iterable[Any]) -> None:
    """Create the tables and views that are missing, with their indexes, inside the transaction that is open."""
    there = _there(connection)
    missing = [one for one in tables if isinstance(one, View) or table_of(one).name.casefold() not in there]
    for statement in create_statements(missing, dialect):
        connection.execute(statement)


def fill_views(connection: Connection, views: Iterable[View]) -> None:
    """Fill the views that are there, in order, inside the transaction that is open."""
    there = _there(connection)
    for view in views:
        if view.name.casefold() in there:
            for statement in refresh_statements(view, dialect):
                text = cast("Any", statement).compile(dialect=dialect, compile_kwargs={"literal_binds": True})
                connection.execute(str(text))


def _there(connection: Connection) -> set[str]:
    return {name.casefold() for (name,) in connection.execute(_TABLES)}


def _apply(connection: Connection, step: DeleteRows | WriteRows) -> None:
    if isinstance(step, DeleteRows):
        _execute(connection, deletion(step.table), step.rows)
        return
    for statement in writes(step.table, step.sets, step.adds):
        if _execute(connection, statement, step.rows) == len(step.rows):
            break


def _execute(connection: Connection, statement: RowStatement, rows: Sequence[Values]) -> int:
    try:
        with holding:
            return connection.executemany(statement.sql, statement.parameters(rows)).rowcount
    except OperationalError as error:
        if str(error) == TOO_LARGE:
            raise Invalid(NUMBER_NOT_HELD) from error
        raise


_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"
