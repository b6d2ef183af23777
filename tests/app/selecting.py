"""Looking at what a store holds, whatever its database is."""

from typing import Any

from sqlalchemy import text

from twofold.app._database import sessions_of
from twofold.store import Store


async def selected(store: Store, statement: str) -> list[tuple[Any, ...]]:
    """The rows that a query finds."""
    sessions: Any = sessions_of(store)
    async with sessions.read() as session:
        return [tuple(row) for row in await session.execute(text(statement))]
