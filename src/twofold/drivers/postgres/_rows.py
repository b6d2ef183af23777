"""Writes the row changes of a batch with as few statements as possible; the hot path of projections.

The store calls it, inside a transaction, with the bare connection.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

from sqlalchemy import ARRAY, Table
from sqlalchemy.dialects.postgresql import DOMAIN, ENUM
from sqlalchemy.dialects.postgresql.named_types import CreateDomainType, CreateEnumType

from twofold.drivers.postgres._dialect import LoopDialect
from twofold.drivers.postgres._home import at_home, home_of, prove_others
from twofold.drivers.postgres._names import Names
from twofold.drivers.postgres._row_security import secure, show
from twofold.drivers.postgres._statements import Statement, deletion, dialect, plain_type, writes
from twofold.sql import (
    DeleteRows,
    RowStatement,
    Values,
    View,
    WriteRows,
    create_statements,
    fold,
    name_rows,
    table_of,
    tenant_column_of,
)
from twofold.store import Aside, RowChange


async def apply_rows(connection: Any, rows: Sequence[RowChange]) -> None:
    """Apply row changes inside the transaction that is open, as if one after the other.

    Args:
        connection: The connection of asyncpg that writes.
        rows: The changes, in order.

    Raises:
        WiringError: A change names a table without a primary key, or columns that its table does not have.
        asyncpg.IntegrityConstraintViolationError: A missing row cannot be inserted from what a change knows.
    """
    for step in fold(rows, dialect):
        if tenant_column_of(step.table) is not None:
            await show(connection, every=True)
        try:
            await _apply(connection, step)
        except Exception as error:
            name_rows(error, step)
            raise


async def create_tables(connection: Any, tables: Iterable[Any], names: Names) -> None:
    """Create the tables and views that are missing, with their indexes and types, inside the transaction that is open.

    Of several processes that start at the same time, one creates and the others wait for its transaction to end. When
    nothing is missing it needs no right to create anything: PostgreSQL would ask for it even so.

    Args:
        connection: The connection of asyncpg that writes.
        tables: Tables, mapped classes and views.
        names: What is called how.

    Raises:
        FaultError: A table is missing here, and found where no other application is.
    """
    wanted = list(tables)
    if not wanted:
        return
    await connection.execute(f"SELECT pg_advisory_xact_lock({_CREATING})")
    dialect = LoopDialect(connection.get_server_version().major)
    preparer: Any = dialect.identifier_preparer
    home = await home_of(connection)

    def called(table: Table[Any]) -> str:
        return at_home(preparer.format_table(table), home, table.schema)

    missing = [
        entity
        for entity in wanted
        if not isinstance(entity, View)
        and await connection.fetchval("SELECT to_regclass($1)::text", called(table_of(entity))) is None
    ]
    declared = [table_of(entity) for entity in missing if not isinstance(entity, Aside)]
    bare = [preparer.format_table(table) for table in declared if table.schema is None]
    await prove_others(connection, bare, home, names)
    for name, statement in _type_statements(map(table_of, missing), dialect, home):
        if await connection.fetchval("SELECT to_regtype($1)", name) is None:
            await connection.execute(statement)
    views = [
        entity
        for entity in wanted
        if isinstance(entity, View) and await connection.fetchval(_MISSING, *zip(*_relations(entity), strict=True))
    ]
    for statement in create_statements([*missing, *views], dialect):
        await connection.execute(statement)
    for table in (table_of(entity) for entity in wanted if not isinstance(entity, View)):
        column = tenant_column_of(table)
        if column is not None:
            await secure(connection, called(table), preparer.quote(column.name))


def _relations(view: View) -> Iterator[tuple[str | None, str]]:
    """The schemas, None for that of the session, and names of a view and its index."""
    yield None, view.name
    yield None, f"{view.name}_key"


async def _apply(connection: Any, step: DeleteRows | WriteRows) -> None:
    if isinstance(step, DeleteRows):
        await _execute(connection, deletion(step.table), step.rows)
        return
    for statement in writes(step.table, step.sets, step.adds):
        if await _execute(connection, statement, step.rows) == len(step.rows):
            break


async def _execute(connection: Any, statement: Statement, rows: Sequence[Values]) -> int | None:
    """Execute a statement; gives how many rows it changed, or None when that is not known."""
    if isinstance(statement, RowStatement):
        await connection.executemany(statement.sql, statement.parameters(rows))
        return None
    status: str = await connection.execute(statement.sql, *statement.parameters(rows))
    return int(status.rpartition(" ")[2])


def _type_statements(tables: Iterable[Table[Any]], dialect: LoopDialect, home: str) -> Iterator[tuple[str, str]]:
    """The types that the columns of tables need, by name, with the SQL that creates each."""
    preparer: Any = dialect.identifier_preparer
    for table in tables:
        for column in table.columns:
            named: Any = plain_type(column)
            if isinstance(named, ARRAY):
                named = cast("Any", named).item_type.dialect_impl(dialect)
            if isinstance(named, (ENUM, DOMAIN)) and named.create_type:
                creation = CreateEnumType(named) if isinstance(named, ENUM) else CreateDomainType(named)
                name = at_home(preparer.format_type(named), home, cast("Any", named).schema)
                yield name, str(creation.compile(dialect=dialect))


_CREATING = 0x74776F666F6C64  # "twofold", for whoever looks at the locks
_MISSING = """
    SELECT EXISTS (
        SELECT FROM unnest($1::text[], $2::text[]) AS wanted (schema, name)
        WHERE NOT EXISTS (
            SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
            WHERE n.nspname = coalesce(wanted.schema, current_schema()) AND c.relname = wanted.name
        )
    )
"""
