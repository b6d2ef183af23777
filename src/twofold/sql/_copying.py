"""Copying the rows of tables from one database into another one, through the types of their columns.

Each page is read in a snapshot of its own. What refers to a row is read before that row, so that it is there.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias, TypeVar

from sqlalchemy import Column, ColumnElement, Select, Table, literal, literal_column, select, tuple_
from sqlalchemy import table as bare_table
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.sql.ddl import sort_tables

from twofold.sql._sessions import Sessions
from twofold.sql._tables import table_of
from twofold.sql._view import View
from twofold.store import Batch, Store, Transaction, Upsert

T = TypeVar("T")

_Columns: TypeAlias = dict[Table[Any], list[Column[Any]]]

_PAGE: Final = 1000


async def copy_tables(entities: Iterable[Any], source: Store, sessions: Sessions, target: Store) -> dict[str, str]:
    """Create tables in another database, and copy their rows.

    Columns that only one side has are left out.

    Args:
        entities: Tables, mapped classes, and views, which are copied like tables.
        source: Where the rows are; only read.
        sessions: Makes the sessions that read there.
        target: Where they come to: a store in SQLite, without these tables.

    Returns:
        The tables whose rows could not be copied, and why; what is missing in the source alone is there, and empty.
    """
    columns, left_out = _Columns(), dict[str, str]()
    tables = dict.fromkeys(one.table if _is_view(one) else table_of(one) for one in entities)
    for table in reversed(sort_tables(tables)):
        try:
            await target.create_tables([table])
            columns[table] = await _read(_columns_of(table), source, sessions)
        except SQLAlchemyError as error:
            left_out[table.fullname] = str(getattr(error, "orig", None) or error).splitlines()[0]
    while (loose := _loose(columns)) is not None:
        table, other = loose
        del columns[table]
        left_out[table.fullname] = f"it refers to {other.fullname}"
    transaction = target.begin()
    try:
        await _copy_rows(columns, source, sessions, transaction)
    except BaseException:
        await transaction.rollback()
        raise
    await transaction.commit(Batch())
    return left_out


async def _copy_rows(
    columns: Mapping[Table[Any], list[Column[Any]]], source: Store, sessions: Sessions, transaction: Transaction
) -> None:
    await transaction.run(_check_references_at_the_end)
    for table, known in columns.items():
        async for page in _pages(table, known, source, sessions):
            await transaction.change(page)


def _check_references_at_the_end(connection: Any) -> None:
    """A row may refer to one that comes later, in the same table or in another one."""
    connection.execute("PRAGMA defer_foreign_keys = ON")


async def _pages(
    table: Table[Any], columns: list[Column[Any]], source: Store, sessions: Sessions
) -> AsyncIterator[list[Upsert]]:
    """The rows of a table, in the order of its key."""
    key = [*table.primary_key.columns]
    others = [column for column in columns if not column.primary_key]
    names, statement = [column.key for column in key], select(*key, *others).order_by(*key).limit(_PAGE)
    following = statement
    while True:
        rows = await _read(_rows_of(following), source, sessions)
        if rows:
            yield [
                Upsert(
                    table,
                    dict(zip(names, row, strict=False)),
                    {column.key: value for column, value in zip(others, row[len(key) :], strict=True)},
                )
                for row in rows
            ]
        if len(rows) < _PAGE:
            return
        last = [literal(value, column.type) for value, column in zip(rows[-1], key, strict=False)]
        following = statement.where(tuple_(*key) > tuple_(*last))


def _columns_of(table: Table[Any]) -> Callable[[Session], list[Column[Any]]]:
    """Finds the columns that are really there, without those that a database makes of others."""
    everything: ColumnElement[Any] = literal_column("*")
    statement = select(everything).select_from(bare_table(table.name, schema=table.schema)).limit(0)

    def columns(session: Session) -> list[Column[Any]]:
        there = {*session.execute(statement).keys()}
        return [column for column in table.columns if column.name in there and column.computed is None]

    return columns


def _rows_of(statement: Select[*tuple[Any, ...]]) -> Callable[[Session], list[tuple[Any, ...]]]:
    return lambda session: [tuple(row) for row in session.execute(statement)]


async def _read(work: Callable[[Session], T], source: Store, sessions: Sessions) -> T:
    def run(connection: Any) -> T:
        with sessions.bound(connection), sessions.read_blocking() as session:
            return work(session)

    return await source.read(run)


def _loose(columns: _Columns) -> tuple[Table[Any], Table[Any]] | None:
    """A table that refers to one which is not among them, with that one."""
    for table in columns:
        for key in table.foreign_keys:
            if key.column.table not in columns:
                return table, key.column.table
    return None


def _is_view(entity: Any) -> bool:
    return isinstance(entity, View)
