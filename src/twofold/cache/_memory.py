"""Answers in the memory of this process, of a bounded size; what nobody has asked for longest goes first."""

import secrets
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, final

from twofold.cache._answers import Kept, Key
from twofold.clock import Clock

_ROOM: Final = 64 * 1024 * 1024
_BESIDE: Final = 500
"""What an entry takes beside its body and key, in bytes, or a little less."""


@final
class MemoryAnswers:
    """Keeps answers in memory; see `Answers`.

    Args:
        clock: Tells the time.
        room: How much it holds, in bytes.
    """

    __slots__ = ("_clock", "_entries", "_left", "_marks")

    def __init__(self, clock: Clock, *, room: int = _ROOM) -> None:
        self._clock = clock
        self._left = room
        self._entries = OrderedDict[Key, tuple[Kept, float]]()
        self._marks: dict[str, str] = {}

    async def look(
        self, key: Key, tags: Sequence[str], deadline: float | None = None
    ) -> tuple[Kept | None, tuple[str, ...]]:
        """What is kept under a key; see `Answers`."""
        marks = tuple(self._marks.get(tag, "") for tag in tags)
        found = self._entries.get(key)
        if found is None:
            return None, marks
        kept, until = found
        if until <= self._clock.monotonic() or kept.marks != marks:
            self._remove(key)
            return None, marks
        self._entries.move_to_end(key)
        return kept, marks

    async def keep(self, key: Key, kept: Kept, ttl: float, deadline: float | None = None) -> None:
        """Keep an answer; see `Answers`."""
        if key in self._entries:
            self._remove(key)
        self._entries[key] = kept, self._clock.monotonic() + ttl
        self._left -= _size(key, kept)
        while self._left < 0:
            self._remove(next(iter(self._entries)))

    async def drop(self, *tags: str) -> None:
        """Give no answer any more that has one of these tags; see `Answers`."""
        self._marks.update((tag, secrets.token_hex(8)) for tag in tags)

    async def close(self) -> None:
        """Forget everything."""
        for key in list(self._entries):
            self._remove(key)

    def _remove(self, key: Key) -> None:
        kept, _ = self._entries.pop(key)
        self._left += _size(key, kept)


def _size(key: Key, kept: Kept) -> int:
    return _BESIDE + len(kept.body) + sum(len(part) for part in key if part is not None)
