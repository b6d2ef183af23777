"""Where followers stand: read on the reader connections, owned and moved by the writer."""

import json
from collections.abc import Collection, Sequence
from sqlite3 import Connection
from typing import final

from twofold.drivers.sqlite._guard import own
from twofold.drivers.sqlite._readers import Readers
from twofold.drivers.sqlite._writer import Writer
from twofold.errors import CheckpointMoved
from twofold.store import Checkpoint, Move


@final
class SqliteCheckpoints:
    """The checkpoints in one SQLite file.

    Args:
        readers: Who reads them.
        writer: Who writes them.
    """

    __slots__ = ("_readers", "_writer")

    def __init__(self, readers: Readers, writer: Writer) -> None:
        self._readers = readers
        self._writer = writer

    async def get(self, name: str) -> Checkpoint:
        """A checkpoint as it stands."""
        return await self._readers.run(lambda connection: stands(connection, name))

    async def all(self) -> Sequence[Checkpoint]:
        """All checkpoints that anybody has moved or claimed, by name."""

        def every(connection: Connection) -> list[Checkpoint]:
            return [_checkpoint(row) for row in connection.execute(_SELECT + " ORDER BY name")]

        return await self._readers.run(every)

    async def claim(self, seen: Checkpoint, owner: str) -> Checkpoint:
        """Become the owner of a checkpoint; its token grows."""

        def claimed(connection: Connection) -> Checkpoint:
            changed = connection.execute(_CLAIM, (owner, seen.name, seen.token, seen.beat)).rowcount
            if not changed and seen.version == 0:
                changed = connection.execute(_FIRST_CLAIM, (seen.name, owner)).rowcount
            if not changed:
                raise CheckpointMoved(name=seen.name, text="has changed since it was seen")
            return stands(connection, seen.name)

        return await self._writer.change(claimed)

    async def renew(self, owner: str) -> None:
        """Show that an owner lives."""
        await self._writer.change(lambda connection: connection.execute(_RENEW, (owner,)))

    async def release(self, owner: str, names: Collection[str] | None = None) -> None:
        """Give checkpoints back."""

        def given_back(connection: Connection) -> None:
            if names is None:
                connection.execute(_RELEASE, (owner,))
            else:
                connection.executemany(_RELEASE + " AND name = ?", [(owner, name) for name in names])

        await self._writer.change(given_back)


def stands(connection: Connection, name: str) -> Checkpoint:
    """A checkpoint as it stands; a new one when nobody has moved or claimed it yet."""
    found = connection.execute(_SELECT + " WHERE name = ?", (name,)).fetchone()
    return _checkpoint(found) if found else Checkpoint(name=name)


def move(connection: Connection, move: Move) -> None:
    """Move a checkpoint, in the transaction that is open.

    Raises:
        CheckpointMoved: It is not where the move expects it, or has another token.
    """
    values = {"name": move.name, "position": move.position, "expected": move.expected, "epoch": move.epoch}
    fences = {"token": move.token, "version": move.version}
    if move.position == move.expected and not move.epoch:
        moved = connection.execute(_HOLD, {**values, **fences}).fetchone()
    else:
        moved = connection.execute(_MOVE, {**values, **fences}).rowcount
    if not moved and move.expected == 0 and not move.token and not move.version:
        moved = connection.execute(_PLACE, values).rowcount
    if not moved:
        found = stands(connection, move.name)
        if move.token not in (None, found.token):
            raise CheckpointMoved(name=move.name, text=f"has token {found.token}, not {move.token}")
        if move.version not in (0, found.version):
            raise CheckpointMoved(name=move.name, text=f"has version {found.version}, not {move.version}")
        raise CheckpointMoved(name=move.name, text=f"stands at {found.position}, not at {move.expected}")


def _checkpoint(row: tuple[str, int, str, str, int, int, int, str]) -> Checkpoint:
    name, position, epoch, owner, token, beat, version, tables = row
    return Checkpoint(
        name=name,
        position=position,
        epoch=epoch,
        owner=owner,
        token=token,
        beat=beat,
        version=version,
        tables=tuple(json.loads(tables)),
    )


_SELECT = "SELECT name, position, epoch, owner, token, beat, version, tables FROM twofold_checkpoints"
_CLAIM = own("UPDATE twofold_checkpoints SET owner = ?, token = token + 1 WHERE name = ? AND token = ? AND beat = ?")
_FIRST_CLAIM = own(
    "INSERT INTO twofold_checkpoints (name, position, owner, token) VALUES (?, 0, ?, 1) ON CONFLICT DO NOTHING"
)
_RENEW = own("UPDATE twofold_checkpoints SET beat = beat + 1 WHERE owner = ?")
_RELEASE = own("UPDATE twofold_checkpoints SET owner = '' WHERE owner = ?")
_MOVE = own(
    "UPDATE twofold_checkpoints SET position = :position, epoch = iif(:epoch = '', epoch, :epoch)"
    " WHERE name = :name AND position = :expected AND (:token IS NULL OR token = :token)"
    " AND (:version = 0 OR version = :version)"
)
_HOLD = (
    "SELECT 1 FROM twofold_checkpoints WHERE name = :name AND position = :expected"
    " AND (:token IS NULL OR token = :token) AND (:version = 0 OR version = :version)"
)
_PLACE = own(
    "INSERT INTO twofold_checkpoints (name, position, epoch) VALUES (:name, :position, :epoch) ON CONFLICT DO NOTHING"
)
