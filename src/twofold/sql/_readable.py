"""Whether the tables of an application are there, asked of the database in the only words that all of them know."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import OperationalError, ProgrammingError

from twofold.sql._sessions import Sessions
from twofold.sql._tables import table_of
from twofold.sql._view import View


async def unreadable_tables(sessions: Sessions, entities: Iterable[Any]) -> list[str]:
    """The names of tables that are not there, or lack one of their columns.

    Args:
        sessions: Makes sessions that read.
        entities: Tables, mapped classes and views.
    """
    unreadable: list[str] = []
    for table in dict.fromkeys(one.table if isinstance(one, View) else table_of(one) for one in entities):
        async with sessions.read() as session:  # one for each: a failed statement may be the last of its session
            try:
                await session.execute(select(*table.columns).limit(0))
            except (OperationalError, ProgrammingError):
                unreadable.append(table.name)
    return unreadable
