"""Where followers stand: read, owned and given back here; moved by the batches that carry their work."""

from collections.abc import Collection, Sequence
from typing import Any, Final, final

from twofold.drivers.postgres._fetch import Fetch
from twofold.errors import CheckpointMoved
from twofold.store import Checkpoint


@final
class PostgresCheckpoints:
    """The checkpoints of one schema.

    Args:
        fetch: Where its statements go.
    """

    __slots__ = ("_fetch",)

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    async def get(self, name: str) -> Checkpoint:
        """A checkpoint as it stands."""
        found = await self._fetch.read(_SELECT + " WHERE name = $1", name)
        return _checkpoint(found[0]) if found else Checkpoint(name=name)

    async def all(self) -> Sequence[Checkpoint]:
        """All checkpoints that anybody has moved or claimed, by name."""
        return [_checkpoint(row) for row in await self._fetch.read(_SELECT + " ORDER BY name")]

    async def claim(self, seen: Checkpoint, owner: str) -> Checkpoint:
        """Become the owner of a checkpoint; its token grows."""
        claimed = await self._fetch.write(_CLAIM, owner, seen.name, seen.token, seen.beat)
        if not claimed and seen.version == 0:
            claimed = await self._fetch.write(_FIRST_CLAIM, owner, seen.name)
        if not claimed:
            raise CheckpointMoved(name=seen.name, text="has changed since it was seen")
        return _checkpoint(claimed[0])

    async def renew(self, owner: str) -> None:
        """Show that an owner lives."""
        await self._fetch.write(_RENEW, owner)

    async def release(self, owner: str, names: Collection[str] | None = None) -> None:
        """Give checkpoints back."""
        await self._fetch.write(_RELEASE, owner, None if names is None else list(names))


def _checkpoint(row: Any) -> Checkpoint:
    return Checkpoint(**row)._replace(tables=tuple(row["tables"]))


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
