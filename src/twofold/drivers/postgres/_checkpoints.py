"""Where followers stand: read, owned and given back here; moved by the batches that carry their work."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Final, final

from twofold.drivers.postgres._names import Names
from twofold.drivers.postgres._pool import Pool
from twofold.errors import CheckpointMoved
from twofold.store import Checkpoint


@final
class PostgresCheckpoints:
    """The checkpoints of one schema.

    Args:
        readers: Connections to read with.
        writers: Connections to write with.
        names: What is called how.
    """

    __slots__ = ("_names", "_readers", "_writers")

    def __init__(self, readers: Pool, writers: Pool, names: Names) -> None:
        self._readers = readers
        self._writers = writers
        self._names = names

    async def get(self, name: str) -> Checkpoint:
        """A checkpoint as it stands."""
        found = await self._rows(self._readers, _SELECT + " WHERE name = $1", name)
        return found[0] if found else Checkpoint(name=name)

    async def all(self) -> Sequence[Checkpoint]:
        """All checkpoints that anybody has moved or claimed, by name."""
        return await self._rows(self._readers, _SELECT + " ORDER BY name")

    async def claim(self, seen: Checkpoint, owner: str) -> Checkpoint:
        """Become the owner of a checkpoint; its token grows."""
        claimed = await self._rows(self._writers, _CLAIM, owner, seen.name, seen.token, seen.beat)
        if not claimed and seen.version == 0:
            claimed = await self._rows(self._writers, _FIRST_CLAIM, owner, seen.name)
        if not claimed:
            raise CheckpointMoved(name=seen.name, text="has changed since it was seen")
        return claimed[0]

    async def renew(self, owner: str) -> None:
        """Show that an owner lives."""
        await self._rows(self._writers, _RENEW, owner)

    async def release(self, owner: str, names: Collection[str] | None = None) -> None:
        """Give checkpoints back."""
        await self._rows(self._writers, _RELEASE, owner, None if names is None else list(names))

    async def _rows(self, pool: Pool, query: str, *values: Any) -> list[Checkpoint]:
        async with pool.lent() as connection:
            rows = await connection.fetch(self._names.sql(query), *values)
            return [replace(Checkpoint(**row), tables=tuple(row["tables"])) for row in rows]


_SELECT: Final = "SELECT name, position, epoch, owner, token, beat, version, tables FROM {schema}.twofold_checkpoints"
_CLAIM: Final = (
    "UPDATE {schema}.twofold_checkpoints SET owner = $1, token = token + 1 WHERE name = $2 AND token = $3 AND beat = $4"
    " RETURNING name, position, epoch, owner, token, beat, version, tables"
)
_FIRST_CLAIM: Final = (
    "INSERT INTO {schema}.twofold_checkpoints (owner, name, token) VALUES ($1, $2, 1) ON CONFLICT DO NOTHING"
    " RETURNING name, position, epoch, owner, token, beat, version, tables"
)
# Rows are locked in one order: those who renew and those who release do not wait for each other in a circle.
_RENEW: Final = (
    "UPDATE {schema}.twofold_checkpoints SET beat = beat + 1 WHERE name IN"
    " (SELECT name FROM {schema}.twofold_checkpoints WHERE owner = $1 ORDER BY name FOR UPDATE)"
)
_RELEASE: Final = (
    "UPDATE {schema}.twofold_checkpoints SET owner = '' WHERE ($2::text[] IS NULL OR name = ANY ($2)) AND name IN"
    " (SELECT name FROM {schema}.twofold_checkpoints WHERE owner = $1 ORDER BY name FOR UPDATE)"
)
