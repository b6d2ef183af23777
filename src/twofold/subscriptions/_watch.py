"""Watching whether other owners live, by one's own clock: what matters is that a beat changes, and not when it did."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias, final

from twofold.store import NOBODY, Checkpoint

_Mark: TypeAlias = tuple[str, int, int, int]


class _Seen(NamedTuple):
    mark: _Mark
    since: float
    alive: bool
    """Whether its owner was seen to change it."""


@final
class Watch:
    """What one process has seen of the checkpoints of others.

    Args:
        lease: How long an owner may show no sign of life, in seconds.
        now: A clock that does not jump, in seconds.
    """

    def __init__(self, lease: float, now: Callable[[], float]) -> None:
        self._lease = lease
        self._now = now
        self._seen: dict[str, _Seen] = {}

    def dead(self, checkpoint: Checkpoint) -> bool:
        """Whether it has an owner, and stood still for a whole lease since it was first seen as it stands."""
        seen = self._look(checkpoint)
        return checkpoint.owner != NOBODY and self._now() - seen.since >= self._lease

    def alive(self, checkpoint: Checkpoint) -> bool:
        """Whether it has an owner that was seen to change it, within its lease."""
        seen = self._look(checkpoint)
        return checkpoint.owner != NOBODY and seen.alive and self._now() - seen.since < self._lease

    def _look(self, checkpoint: Checkpoint) -> _Seen:
        mark = checkpoint.owner, checkpoint.token, checkpoint.beat, checkpoint.position
        seen = self._seen.get(checkpoint.name)
        if seen is None or seen.mark != mark:
            same_owner = seen is not None and seen.mark[:2] == mark[:2]
            seen = self._seen[checkpoint.name] = _Seen(mark, self._now(), same_owner)
        return seen
