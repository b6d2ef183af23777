"""Keys of subjects in a file of SQLite: a file of their own, which no backup of the events takes along.

What is destroyed is overwritten with zeros in the file, and no journal is left that has it.
"""

import asyncio
import secrets
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, TypeAlias, TypeVar, final
from uuid import UUID

from twofold.clock import new_id
from twofold.errors import StoreUnavailable
from twofold.personal._keys import Key
from twofold.personal._master import MasterKeys

T = TypeVar("T")

_Row: TypeAlias = tuple[str, str, bytes | None]

_PATIENCE: Final = 5.0
_MOST: Final = 500
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS twofold_keys (subject TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, secret BLOB) STRICT"
)
_NEWEST: Final = "SELECT subject, id, secret FROM twofold_keys WHERE secret IS NOT NULL ORDER BY id DESC LIMIT 1"
_DESTROY: Final = "INSERT INTO twofold_keys VALUES (?, ?, NULL) ON CONFLICT (subject) DO UPDATE SET secret = NULL"


@final
class SqliteKeyStore:
    """A `KeyStore` in a file.

    Args:
        path: The file; made when it is missing, for its owner alone.
        master: What its keys are encrypted with.
    """

    __slots__ = ("_master", "_path")

    def __init__(self, path: str | Path, master: MasterKeys) -> None:
        self._path = Path(path)
        self._master = master

    async def start(self) -> None:
        """See that the file is there, with its table."""
        await self._in_thread(lambda connection: connection.execute(_TABLE).close(), writes=True)

    async def stop(self) -> None:
        """Nothing is held open."""

    async def prove(self) -> None:
        """Open the newest key that is not destroyed."""

        def newest(connection: sqlite3.Connection) -> _Row | None:
            found: _Row | None = connection.execute(_NEWEST).fetchone()
            return found

        if (row := await self._in_thread(newest)) is not None:
            self._key(row)

    async def key_of(self, subject: str) -> Key:
        """The key of a subject, made when there was none."""
        known = await self._in_thread(lambda connection: _row(connection, subject))
        if known is not None:
            return self._key(known)
        key = new_id()
        made = (subject, str(key), self._master.wrap(secrets.token_bytes(32), key, subject))

        def make(connection: sqlite3.Connection) -> _Row:
            connection.execute("INSERT INTO twofold_keys VALUES (?, ?, ?) ON CONFLICT DO NOTHING", made)
            return _row(connection, subject) or made

        return self._key(await self._in_thread(make, writes=True))

    async def find(self, ids: Collection[UUID]) -> Mapping[UUID, Key]:
        """The keys with some ids."""
        wanted = [str(one) for one in ids]

        def rows(connection: sqlite3.Connection) -> list[_Row]:
            found: list[_Row] = []
            for start in range(0, len(wanted), _MOST):
                some = wanted[start : start + _MOST]
                marks = ", ".join("?" * len(some))
                select = f"SELECT subject, id, secret FROM twofold_keys WHERE id IN ({marks})"  # noqa: S608  # marks alone
                found += connection.execute(select, some).fetchall()
            return found

        keys = map(self._key, await self._in_thread(rows))
        return {key.id: key for key in keys}

    async def destroy(self, subject: str) -> UUID | None:
        """Destroy the key of a subject for good."""
        tomb = subject, str(new_id())

        def gone(connection: sqlite3.Connection) -> _Row | None:
            before = _row(connection, subject)
            connection.execute(_DESTROY, tomb)
            return before

        before = await self._in_thread(gone, writes=True)
        return None if before is None else UUID(before[1])

    async def subjects(self) -> Sequence[str]:
        """Whose keys there are."""
        select = "SELECT subject FROM twofold_keys WHERE secret IS NOT NULL ORDER BY subject"
        return await self._in_thread(lambda connection: [one for (one,) in connection.execute(select)])

    def _key(self, row: _Row) -> Key:
        subject, text, wrapped = row
        key = UUID(text)
        return Key(key, subject, None if wrapped is None else self._master.unwrap(wrapped, key, subject))

    async def _in_thread(self, work: Callable[[sqlite3.Connection], T], *, writes: bool = False) -> T:
        return await asyncio.to_thread(self._done, work, "BEGIN IMMEDIATE" if writes else "BEGIN")

    def _done(self, work: Callable[[sqlite3.Connection], T], begin: str) -> T:
        try:
            self._path.touch(mode=0o600, exist_ok=True)
            with closing(sqlite3.connect(self._path, timeout=_PATIENCE, isolation_level=None)) as connection:
                connection.execute("PRAGMA secure_delete = ON").close()
                connection.execute(begin)
                done = work(connection)
                connection.execute("COMMIT")
                return done
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable(f"the key database {self._path.name} does not answer: {error}") from error


def _row(connection: sqlite3.Connection, subject: str) -> _Row | None:
    select = "SELECT subject, id, secret FROM twofold_keys WHERE subject = ?"
    found: _Row | None = connection.execute(select, (subject,)).fetchone()
    return found
