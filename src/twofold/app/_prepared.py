"""Whether a database is ready for a process that only takes messages: workers prepare it, and such a process refuses to
start before they have. Recording events beside a projection in the wrong mode would lose rows.
"""

from collections.abc import Collection, Sequence
from typing import Any, TypeAlias

from twofold.app._database import sessions_of
from twofold.app._room import open_room
from twofold.errors import Unavailable
from twofold.projections import Projection
from twofold.store import INLINE, Store

Tables: TypeAlias = Sequence[tuple[Store, Collection[Any]]]
"""Stores with the tables of the application that belong in each."""


class NotPrepared(Unavailable):
    """No worker has prepared the database yet for this version of the application.

    Args:
        missing: What is missing.
    """

    code = "not_prepared"

    def __init__(self, *, missing: Sequence[str]) -> None:
        super().__init__()
        self.missing = tuple(missing)

    @property
    def detail(self) -> str:
        return f"the database is not prepared for this application: {'; '.join(self.missing)}"

    @property
    def hint(self) -> str:
        return "start a worker first: it creates tables, and brings projections into their modes"


async def prepare(tables: Tables) -> None:
    """Create the tables that are missing."""
    for store, entities in tables:
        if entities:
            await store.create_tables(entities)


async def prove_prepared(tables: Tables, projections: Collection[Projection]) -> None:
    """Refuse a database that no worker has prepared.

    Args:
        tables: The tables of the application.
        projections: Its projections.

    Raises:
        NotPrepared: Tables or columns are missing, or a projection is not in its mode.
    """
    missing: list[str] = []
    for store, entities in tables:
        sessions = sessions_of(store) if entities else None
        if sessions is not None:
            unreadable = await open_room("twofold.sql").unreadable_tables(sessions, entities)
            missing += [f"table {name} is missing, or lacks a column" for name in unreadable]
        for projection in projections:
            stands = (await store.checkpoints.get(projection.name)).position
            if (stands == INLINE) != (projection.mode == "inline"):
                missing.append(f"projection {projection.name} is not {projection.mode} yet")
    if missing:
        raise NotPrepared(missing=missing)
