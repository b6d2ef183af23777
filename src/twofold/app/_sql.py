"""What an application knows of SQL, by the stores that it has; nothing of it is loaded where none of them knows any."""

import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any, NamedTuple, Self, final

from dishka import Provider

from twofold.app._database import sessions_of
from twofold.app._providers import RowsOf
from twofold.app._room import open_room
from twofold.app._stores import Stores
from twofold.dispatch import Handler, Runner
from twofold.errors import Fault
from twofold.projections import SessionOf
from twofold.store import MemoryTables, Store


@final
class Sql(NamedTuple):
    """The room of SQL, as far as stores know it.

    Args:
        room: The room; None when neither store does.
        writing: Makes the sessions of units of work; None when their store does not.
        reading: Makes the sessions that read; None when their store does not.
    """

    room: ModuleType | None
    writing: Any
    reading: Any

    @classmethod
    def of(cls, stores: Stores) -> Self:
        """What is known on some stores."""
        known = "sqlalchemy" in sys.modules  # who has tables or asks for a session has loaded it
        writing = sessions_of(stores.write) if known else None
        reading = sessions_of(stores.read) if known and stores.apart else writing
        return cls(None if writing is None and reading is None else open_room("twofold.sql"), writing, reading)

    @property
    def writes(self) -> ModuleType | None:
        """The room, when the store of units of work knows it."""
        return None if self.writing is None else self.room

    @property
    def reads(self) -> ModuleType | None:
        """The room, when the store that queries read does."""
        return None if self.reading is None else self.room

    @property
    def session_of(self) -> SessionOf | None:
        """Gives the session of a unit of work to projections."""
        return None if self.reads is None else self.reads.session_of(self.reading)

    @property
    def rows_of(self) -> RowsOf | None:
        """Gives the rows of entities."""
        room, writing = self.writes, self.writing
        return None if room is None else lambda unit: room.SqlEntities(unit, writing)

    @property
    def tables(self) -> Callable[[], Any]:
        """Makes what rows of live projections are folded in."""
        return MemoryTables if self.reads is None else self.reads.live_tables(self.reading)

    @property
    def providers(self) -> list[Provider]:
        """What lets handlers ask for sessions."""
        return [] if self.room is None else [self.room.sql_provider(self.writing, self.reading)]

    def runner(
        self, store: Store, reaches: Callable[[Handler, object], bool]
    ) -> Callable[[Handler], Runner | None] | None:
        """What tells where a `def` handler with a session runs; None without SQL.

        Args:
            store: The store that queries read.
            reaches: Whether a handler depends on a type.
        """
        return None if self.room is None else self.room.session_runner(self.writing, self.reading, store, reaches)

    def is_read_by(self, handler: Handler, reaches: Callable[[Handler, object], bool]) -> bool:
        """Whether a handler depends on a session that reads.

        Args:
            handler: The handler.
            reaches: Whether a handler depends on a type.
        """
        room = self.reads
        return room is not None and any(reaches(handler, one) for one in (room.ReadSession, room.BlockingReadSession))

    async def unreadable(self, entities: Collection[Any]) -> Sequence[str]:
        """The names of tables that queries read which are not there, or lack a column; none without SQL."""
        room = self.reads
        found: Sequence[str] = () if room is None else await room.unreadable_tables(self.reading, entities)
        return found

    def explained(self, fault: Fault, stores: Stores) -> Fault:
        """A fault of the container; when it is a session or a repository that is missing, with the reason why.

        Args:
            fault: The fault.
            stores: The stores.
        """
        if "Repository, which nothing provides" in fault.text:
            return replace(fault, hint="Repository[X] is there for an X that derives from Aggregate or Entity")
        store, sessions = (stores.read, self.reading) if "ReadSession" in fault.text else (stores.write, self.writing)
        if sessions is not None or not any(name in fault.text for name in ("Session,", "Session ")):
            return fault
        hint = f"{type(store).__qualname__} knows no SQL: use a database that does, a file for SQLite"
        return replace(fault, hint=hint)
