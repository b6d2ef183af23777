"""What is known of the newest events of some types: an answer that has not seen them is too old to be given."""

from collections.abc import Collection, Iterable
from typing import final


@final
class Recency:
    """The newest known positions, by the wire name of the event.

    They only grow, and are compared when an answer is found, not when one is stored: an answer that was on its way
    while the event was recorded has a position from before it, and so is never given, whenever it arrives.

    Args:
        types: The wire names that matter.
    """

    __slots__ = ("_floor", "_latest", "sure", "types")

    def __init__(self, types: Iterable[str]) -> None:
        self.types = frozenset(types)
        self.sure = False
        """Whether the log is in sight; nothing is known while it is not."""
        self._floor = 0
        self._latest = dict.fromkeys(self.types, 0)

    def begin(self, position: int) -> None:
        """Begin at a position: of events up to there nothing is known, so an answer must have seen them all."""
        self._floor = max(self._floor, position)

    def note(self, types: Iterable[str], position: int) -> None:
        """There are events of these types, the last of them at or before a position."""
        for name in self.types.intersection(types):
            self._latest[name] = max(self._latest[name], position)

    def needed(self, types: Collection[str]) -> int:
        """The position that an answer must have seen, when events of these types end it."""
        return max(self._floor, *(self._latest[name] for name in types)) if types else 0
