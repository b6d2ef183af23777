"""Where tables without a schema of their own belong: in one schema, that of the application, whatever others have.

The search path has `public` behind it for types and functions of extensions. A table that is found only there is
another application's, or one that somebody has yet to say the schema of; it is never taken for a table of this one.
"""

import logging
from collections.abc import Iterable
from typing import Final

from twofold.drivers.postgres._connection import Connection
from twofold.drivers.postgres._names import Names
from twofold.errors import Fault, FaultError

_log = logging.getLogger("twofold.postgres")


async def home_of(connection: Connection) -> str:
    """The schema that a connection creates tables in, quoted; empty when there is none."""
    home: str | None = await connection.fetchval(_HOME)
    return home or ""


def at_home(name: str, home: str, schema: str | None) -> str:
    """A name as SQL has it, with the schema that it means.

    Args:
        name: The name, quoted, after its schema where it has one.
        home: The schema of the application, quoted.
        schema: The schema that it was declared with.
    """
    return f"{home}.{name}" if home and schema is None else name


async def prove_others(connection: Connection, missing: Iterable[str], home: str, names: Names) -> None:
    """Prove that tables which are about to be made stand in for none that hold rows of this application.

    In a schema with a log of its own, tables of the same names are those of the application there.

    Args:
        connection: A connection.
        missing: Tables that are not in the schema of the application, quoted.
        home: That schema, quoted.
        names: What its log is called.

    Raises:
        FaultError: Such tables are found in a schema that is no other application's.
    """
    elsewhere: list[Fault] = []
    others = dict[str, list[str]]()
    for table in missing:
        found = await connection.fetchrow(_ELSEWHERE, table, names.schema)
        if found is None:
            continue
        schema, is_others = found
        if is_others:
            others.setdefault(schema, []).append(table)
            continue
        hint = (
            f'give it its schema in code (`schema="{schema}"`), or move it: `ALTER TABLE {schema}.{table} SET SCHEMA'
            f" {home}`; if it is not this application's, leave {schema} out of the `search_path` of the address"
        )
        text = f"is in schema {schema}, and not in {home}, which this application has its tables in"
        elsewhere.append(Fault(where=f"table {table}", code="table_elsewhere", text=text, hint=hint))
    if elsewhere:
        first, *more = elsewhere
        raise FaultError(where=first.where, code=first.code, text=first.text, hint=first.hint, others=more)
    for schema, tables in others.items():
        _log.warning(
            "%s: made in schema %s; what is called so in %s belongs to the application there, and is left alone",
            ", ".join(tables),
            home,
            schema,
        )


_HOME: Final = "SELECT pg_catalog.quote_ident(current_schema())"
_ELSEWHERE: Final = """
    SELECT pg_catalog.quote_ident(n.nspname), n.nspname <> $2 AND EXISTS (
        SELECT FROM pg_catalog.pg_class AS own WHERE own.relnamespace = n.oid AND own.relname = 'twofold_meta'
    )
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = to_regclass($1) AND n.nspname NOT LIKE 'pg\\_%'
"""
