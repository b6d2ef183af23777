"""Checkpoints in memory."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from threading import RLock
from typing import final

from twofold.errors import CheckpointMoved
from twofold.store._checkpoint import NOBODY, Checkpoint, Move


@final
class MemoryCheckpoints:
    """The checkpoints of a `MemoryStore`.

    Args:
        lock: The lock of the store, which several event loops may use.
    """

    __slots__ = ("_checkpoints", "_lock")

    def __init__(self, lock: RLock) -> None:
        self._lock = lock
        self._checkpoints = dict[str, Checkpoint]()

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
            if (stands.token, stands.beat) != (seen.token, seen.beat):
                raise CheckpointMoved(name=seen.name, text="has changed since it was seen")
            claimed = replace(stands, owner=owner, token=stands.token + 1)
            self._checkpoints[seen.name] = claimed
            return claimed

    async def renew(self, owner: str) -> None:
        """Show that an owner lives."""
        with self._lock:
            for name, one in self._checkpoints.items():
                if one.owner == owner:
                    self._checkpoints[name] = replace(one, beat=one.beat + 1)

    async def release(self, owner: str, names: Collection[str] | None = None) -> None:
        """Give checkpoints back."""
        with self._lock:
            for name, one in self._checkpoints.items():
                if one.owner == owner and (names is None or name in names):
                    self._checkpoints[name] = replace(one, owner=NOBODY)

    def moved(self, moves: Sequence[Move]) -> dict[str, Checkpoint]:
        """The checkpoints as moves would leave them.

        Raises:
            CheckpointMoved: One is not where a move expects it, or has another token.
        """
        moved = dict[str, Checkpoint]()
        for move in moves:
            stands = moved.get(move.name) or self._checkpoints.get(move.name) or Checkpoint(name=move.name)
            if move.token not in (None, stands.token):
                raise CheckpointMoved(name=move.name, text=f"has token {stands.token}, not {move.token}")
            if stands.position != move.expected:
                raise CheckpointMoved(name=move.name, text=f"stands at {stands.position}, not at {move.expected}")
            moved[move.name] = replace(stands, position=move.position, epoch=move.epoch or stands.epoch)
        return moved

    def keep(self, moved: dict[str, Checkpoint]) -> None:
        """Keep what `moved` gave."""
        self._checkpoints.update(moved)
