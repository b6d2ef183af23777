"""Keys of subjects in PostgreSQL: a database of their own, which no backup of the events takes along.

What is destroyed stays in dead rows until the table is vacuumed, which is done at once, and in the server's log of
changes and old backups of this database: encrypted under a master key, which they do not have.
"""

import secrets
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, final
from uuid import UUID

import asyncpg

from twofold.clock import new_id
from twofold.errors import StoreUnavailable
from twofold.personal._keys import Key
from twofold.personal._master import MasterKeys

_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS twofold_keys (subject text PRIMARY KEY, id uuid NOT NULL UNIQUE, secret bytea)"
)
_MADE: Final = "INSERT INTO twofold_keys VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
_BY_SUBJECT: Final = "SELECT subject, id, secret FROM twofold_keys WHERE subject = $1"
_BY_ID: Final = "SELECT subject, id, secret FROM twofold_keys WHERE id = ANY($1)"
_NEWEST: Final = "SELECT subject, id, secret FROM twofold_keys WHERE secret IS NOT NULL ORDER BY id DESC LIMIT 1"
_DESTROY: Final = "INSERT INTO twofold_keys VALUES ($1, $2, NULL) ON CONFLICT (subject) DO UPDATE SET secret = NULL"
_DESTROYED: Final = f"{_DESTROY} RETURNING id"
_SUBJECTS: Final = "SELECT subject FROM twofold_keys WHERE secret IS NOT NULL ORDER BY subject"
_LOCK: Final = "SELECT pg_advisory_xact_lock(7406001)"
_PATIENCE: Final = 5.0
_MOST: Final = 4
_LOST: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


@final
class PostgresKeyStore:
    """A `KeyStore` in a database on a server.

    Args:
        address: `postgresql://user:password@host/database`.
        master: What its keys are encrypted with.
    """

    __slots__ = ("_address", "_master", "_pool")

    def __init__(self, address: str, master: MasterKeys) -> None:
        self._address = address
        self._master = master
        self._pool: Any = None

    async def start(self) -> None:
        """Open connections, and see that the table is there."""
        if self._pool is not None:
            return
        untyped: Any = asyncpg
        try:
            self._pool = await untyped.create_pool(
                self._address, min_size=1, max_size=_MOST, timeout=_PATIENCE, command_timeout=_PATIENCE
            )
        except _LOST as error:
            raise StoreUnavailable(f"the key database cannot be opened: {type(error).__name__}") from error
        async with self._connected() as connection, connection.transaction():
            await connection.execute(_LOCK)
            await connection.execute(_TABLE)

    async def stop(self) -> None:
        """Close all connections."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def prove(self) -> None:
        """Open the newest key that is not destroyed."""
        async with self._connected() as connection:
            row = await connection.fetchrow(_NEWEST)
        if row is not None:
            self._key(row)

    async def key_of(self, subject: str) -> Key:
        """The key of a subject, made when there was none."""
        async with self._connected() as connection:
            row = await connection.fetchrow(_BY_SUBJECT, subject)
            if row is None:
                key = new_id()
                await connection.execute(_MADE, subject, key, self._master.wrap(secrets.token_bytes(32), key, subject))
                row = await connection.fetchrow(_BY_SUBJECT, subject)
        return self._key(row)

    async def find(self, ids: Collection[UUID]) -> Mapping[UUID, Key]:
        """The keys with some ids."""
        async with self._connected() as connection:
            keys = [self._key(row) for row in await connection.fetch(_BY_ID, [*ids])]
        return {key.id: key for key in keys}

    async def destroy(self, subject: str) -> UUID | None:
        """Destroy the key of a subject for good."""
        tomb = new_id()
        async with self._connected() as connection:
            found: UUID = await connection.fetchval(_DESTROYED, subject, tomb)
            await connection.execute("VACUUM twofold_keys")
        return None if found == tomb else UUID(str(found))

    async def subjects(self) -> Sequence[str]:
        """Whose keys there are."""
        async with self._connected() as connection:
            return [row["subject"] for row in await connection.fetch(_SUBJECTS)]

    def _key(self, row: Any) -> Key:
        key, wrapped = UUID(str(row["id"])), row["secret"]
        subject: str = row["subject"]
        return Key(key, subject, None if wrapped is None else self._master.unwrap(wrapped, key, subject))

    @asynccontextmanager
    async def _connected(self) -> AsyncGenerator[Any]:
        if self._pool is None:
            raise StoreUnavailable("the key database is closed")
        try:
            async with self._pool.acquire(timeout=_PATIENCE) as connection:
                yield connection
        except _LOST as error:
            raise StoreUnavailable(f"the key database does not answer: {type(error).__name__}") from error
