"""Whether the tables of an application are there, asked of the database in the only words that all of them know."""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError, ProgrammingError

from twofold.sql._sessions import ReadSession, Sessions
from twofold.sql._tables import table_of
from twofold.sql._view import View

_NOT_UNDERSTOOD: Final = (OperationalError, ProgrammingError)
"""What a database says of names that it does not know; SQLite and PostgreSQL do not agree on which of the two."""


def refused_statement(error: Exception) -> str:
    """The statement that a database has not understood; empty for any other error."""
    return error.statement or "" if isinstance(error, _NOT_UNDERSTOOD) else ""


async def unreadable_tables(sessions: Sessions, entities: Iterable[Any]) -> list[str]:
    """The names of tables that are not there, or lack one of their columns.

    In PostgreSQL a table that was declared without a schema is there where tables are created, and nowhere else.

    Args:
        sessions: Makes sessions that read.
        entities: Tables, mapped classes and views.
    """
    unreadable: list[str] = []
    on_postgres = sessions.dialect.name == "postgresql"
    for table in dict.fromkeys(one.table if isinstance(one, View) else table_of(one) for one in entities):
        async with sessions.read() as session:  # one for each: a failed statement may be the last of its session
            try:
                options = await _at_home(session) if on_postgres else {}
                await session.execute(select(*table.columns).limit(0), execution_options=options)
            except _NOT_UNDERSTOOD:
                unreadable.append(table.name)
    return unreadable


async def _at_home(session: ReadSession) -> dict[str, Any]:
    """What has a statement look for tables where they are created: behind that, others are found."""
    return {"schema_translate_map": {None: await session.scalar(select(func.current_schema()))}}
