"""The share of failures in a sliding window of time, in a tenth of the window at a time."""

from collections import deque
from typing import Final, final

_SLICES: Final = 10


@final
class Shares:
    """Counts calls and failures by slices of time, and forgets what is older than the window.

    Args:
        window: How far it reaches back, in seconds; less by up to a tenth, since a slice is forgotten as a whole.
    """

    __slots__ = ("_failed", "_slice", "_slices", "_total")

    def __init__(self, window: float) -> None:
        self._slice = window / _SLICES
        self._slices: deque[list[int]] = deque()
        self._total = self._failed = 0

    def note(self, now: float, *, failed: bool) -> None:
        """Take note of a call that ended.

        Args:
            now: The monotonic clock, in seconds.
            failed: Whether it counts as a failure.
        """
        index = int(now // self._slice)
        slices = self._slices
        while slices and slices[0][0] <= index - _SLICES:
            _, total, failures = slices.popleft()
            self._total -= total
            self._failed -= failures
        if not slices or slices[-1][0] != index:
            slices.append([index, 0, 0])
        slices[-1][1] += 1
        slices[-1][2] += failed
        self._total += 1
        self._failed += failed

    def reach(self, rate: float, minimum: int) -> bool:
        """Whether at least `minimum` calls are in the window, and at least this share of them failed."""
        return self._total >= minimum and self._failed >= rate * self._total
