"""The throw-away copy: a file of SQLite in a temporary folder, with the log up to a position and the rows of tables.

The log can be cut, and stands as it was. Rows cannot be wound back: they are as they are now, and the copy says so.
"""

import asyncio
import shutil
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, Final, final

from twofold.app._assembly import Assembly
from twofold.app._database import sessions_of
from twofold.app._room import open_room
from twofold.app._stores import Stores
from twofold.store import Append, Batch, Draft, Log, Recorded, Store, foundation

_PAGE: Final = 1000
_PATIENCE: Final = 24 * 3600.0
"""How long a transaction may be held open, in seconds: whoever debugs a handler takes a while."""


@final
class Copy:
    """Copies of one application, as they are asked for.

    Args:
        folder: Where it keeps them.
        sources: What is copied; open, and only read.
        assembly: Says which tables there are.
    """

    def __init__(self, folder: Path, sources: Stores, assembly: Assembly) -> None:
        self._file = folder / "past.db"
        self._tried = folder / "tried.db"
        self._sources = sources
        self._assembly = assembly
        self._position: int | None = None
        self._turn = asyncio.Lock()
        self.notes: list[str] = []

    @asynccontextmanager
    async def at(self, position: int) -> AsyncGenerator[Store]:
        """A store to try something in, whose log ends at a position; nothing is left of it behind the block.

        Args:
            position: A position in the real log. In the copy positions count anew.
        """
        async with self._turn:
            await self._bring_to(position)
            await asyncio.to_thread(shutil.copyfile, self._file, self._tried)
            store = _store_in(self._tried)
            try:
                await store.start()
                yield store
            finally:
                await store.stop()
                self._tried.unlink()

    async def _bring_to(self, position: int) -> None:
        reached, self._position = self._position, None  # until all of it is there
        if reached is None or reached > position:
            self._file.unlink(missing_ok=True)
            reached = None
        store = _store_in(self._file)
        await store.start()
        try:
            if reached is None:
                self.notes, reached = await self._copy_rows(store), 0
            await _copy_log(foundation(self._sources.write).log, store, reached, position)
            self._position = position
        finally:
            await store.stop()

    async def _copy_rows(self, target: Store) -> list[str]:
        """Copy all tables that the application has declared; what cannot be copied is told."""
        notes, copied = list[str](), 0
        for source, declared in self._sources.split(self._assembly.read_models, self._assembly.state):
            sessions = sessions_of(source) if declared else None
            if sessions is None:
                await target.create_tables(declared)
                notes += [f"the rows of {table} are not in the copy" for table in map(_name, declared)]
                continue
            sql = open_room("twofold.sql")
            left_out = await sql.copy_tables(declared, source, sessions, target)
            notes += [f"the rows of {name} are not in the copy: {reason}" for name, reason in left_out.items()]
            copied += len(declared) - len(left_out)
        if copied:
            tables = "1 table" if copied == 1 else f"{copied} tables"
            notes.insert(0, f"the rows of {tables} are as they are now, not as they were then")
        return notes


async def _copy_log(log: Log, target: Store, after: int, until: int) -> None:
    while after < until:
        page = await log.read(after, until=until, limit=_PAGE)
        if page:
            await target.commit(Batch(appends=_appends(page)))
        after = page[-1].position if len(page) == _PAGE else until


def _appends(page: Sequence[Recorded]) -> tuple[Append, ...]:
    runs = groupby(page, key=lambda one: one.stream)
    return tuple(Append(stream, tuple(map(_draft, events))) for stream, events in runs)


def _draft(one: Recorded) -> Draft:
    return Draft(one.id, one.type, one.schema_version, one.data, one.headers, one.time, one.tags)


def _store_in(file: Path) -> Store:
    store: Store = open_room("twofold.drivers.sqlite").SqliteStore(file, durability="normal", turn_timeout=_PATIENCE)
    return store


def _name(table: Any) -> str:
    return getattr(table, "__tablename__", None) or getattr(table, "name", None) or str(table)
