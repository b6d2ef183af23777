"""Checkpoints in memory."""

from collections.abc import Collection, Sequence
from threading import RLock
from typing import final

from twofold.errors import CheckpointMoved
from twofold.store._checkpoint import NOBODY, Checkpoint, Move
from twofold.store._epoch import Epoch
from twofold.store._rearrangement import Rearrangement


@final
class MemoryCheckpoints:
    """The checkpoints of a `MemoryStore`.

    Args:
        lock: The lock of the store, which several event loops may use.
    """

    __slots__ = ("_checkpoints", "_lock")

    def __init__(self, lock: RLock) -> None:
        self._lock = lock
        self._checkpoints: dict[str, Checkpoint] = {}

    async def get(self, name: str) -> Checkpoint:
        """A checkpoint as it stands."""
        return self._checkpoints.get(name) or Checkpoint(name=name)

    async def all(self) -> Sequence[Checkpoint]:
        """All checkpoints that anybody has moved or claimed, by name."""
        with self._lock:
            return [self._checkpoints[name] for name in sorted(self._checkpoints)]

    async def claim(self, seen: Checkpoint, owner: str) -> Checkpoint:
        """Become the owner of a checkpoint; its token grows."""
        with self._lock:
            stands = self._checkpoints.get(seen.name) or Checkpoint(name=seen.name)
            gone = seen.version and not stands.version
            if gone or (stands.token, stands.beat) != (seen.token, seen.beat):
                raise CheckpointMoved(name=seen.name, text="has changed since it was seen")
            claimed = stands._replace(owner=owner, token=stands.token + 1, version=stands.version or 1)
            self._checkpoints[seen.name] = claimed
            return claimed

    async def renew(self, owner: str) -> None:
        """Show that an owner lives."""
        with self._lock:
            for name, one in self._checkpoints.items():
                if one.owner == owner:
                    self._checkpoints[name] = one._replace(beat=one.beat + 1)

    async def release(self, owner: str, names: Collection[str] | None = None) -> None:
        """Give checkpoints back."""
        with self._lock:
            for name, one in self._checkpoints.items():
                if one.owner == owner and (names is None or name in names):
                    self._checkpoints[name] = one._replace(owner=NOBODY)

    def moved(self, moves: Sequence[Move]) -> dict[str, Checkpoint]:
        """The checkpoints as moves would leave them.

        Raises:
            CheckpointMoved: One is not where a move expects it, or has another token.
        """
        moved: dict[str, Checkpoint] = {}
        for move in moves:
            stands = moved.get(move.name) or self._checkpoints.get(move.name) or Checkpoint(name=move.name)
            if move.token not in (None, stands.token):
                raise CheckpointMoved(name=move.name, text=f"has token {stands.token}, not {move.token}")
            if move.version not in (0, stands.version):
                raise CheckpointMoved(name=move.name, text=f"has version {stands.version}, not {move.version}")
            if stands.position != move.expected:
                raise CheckpointMoved(name=move.name, text=f"stands at {stands.position}, not at {move.expected}")
            moved[move.name] = stands._replace(
                position=move.position,
                epoch=move.epoch or stands.epoch,
                version=stands.version or 1,
            )
        return moved

    def keep(self, moved: dict[str, Checkpoint]) -> None:
        """Keep what `moved` gave."""
        self._checkpoints.update(moved)

    def rearranged(self, change: Rearrangement, moves: Sequence[Move]) -> dict[str, Checkpoint]:
        """All checkpoints as a rearrangement would leave them, after some moves.

        Raises:
            CheckpointMoved: One is not as it must be.
        """
        for name, version in change.versions.items():
            found = self._checkpoints[name].version if name in self._checkpoints else 0
            if found != version:
                raise CheckpointMoved(name=name, text=f"has version {found}, not {version}")
        every = self._checkpoints | self.moved(moves)
        for first, second in change.ahead:
            if every[first].position < every[second].position:
                raise CheckpointMoved(name=first, text=f"stands behind {second!r}")
        for name in change.forgets:
            every.pop(name, None)
        for old, new in change.checkpoints:
            if old in every:
                token = max(one.token for one in every.values()) + 1
                every[new] = every.pop(old)._replace(name=new, owner=NOBODY, token=token, tables=change.tables)
        for place in change.places:
            if place.name in every:
                raise CheckpointMoved(name=place.name, text="is there already")
            every[place.name] = place
        return every

    def keep_only(self, every: dict[str, Checkpoint]) -> None:
        """Keep what `rearranged` gave, and nothing else."""
        self._checkpoints = every

    def join(self, epoch: Epoch) -> None:
        """Let those that follow a log follow its new epoch, unless they have seen what was lost."""
        for name, one in self._checkpoints.items():
            if one.epoch == epoch.before or (not one.epoch and one.position > 0):
                now = epoch.name if one.position <= epoch.head else epoch.before
                self._checkpoints[name] = one._replace(epoch=now, owner=NOBODY, token=one.token + 1)
