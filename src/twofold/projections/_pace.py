"""How far a rebuild is, how fast it goes, and how long it will take: nothing but arithmetic on what it is told."""

from collections import deque
from typing import NamedTuple, final

_WINDOW = 30.0


class _Mark(NamedTuple):
    time: float
    done: int
    head: int


@final
class Pace:
    """The pace of something that works its way through the log while the log grows.

    Everything is counted in positions of the log; what a projection does not want is passed over, and counts.

    Args:
        done: How far it is now.
        head: How far the log goes now.
        now: The time, in seconds, by a clock that only goes forward.
        window: Over how much time the rates are taken, in seconds.
    """

    __slots__ = ("_marks", "_window", "bound")

    def __init__(self, done: int, head: int, now: float, *, window: float = _WINDOW) -> None:
        self._window = window
        self._marks = deque((_Mark(now, done, head),))
        self.bound = head
        """What was to be done at the start."""

    def note(self, done: int, head: int, now: float) -> None:
        """Take note of how far it is, and how far the log goes."""
        self._marks.append(_Mark(now, done, head))
        while len(self._marks) > 2 and self._marks[1].time <= now - self._window:
            self._marks.popleft()

    @property
    def done(self) -> int:
        """How far it is."""
        return self._marks[-1].done

    @property
    def left(self) -> int:
        """How much is left of the log as it is now."""
        return max(0, self._marks[-1].head - self.done)

    @property
    def fraction(self) -> float:
        """How much of what there was at the start is done, from 0 to 1."""
        return min(1.0, self.done / self.bound) if self.bound else 1.0

    @property
    def rate(self) -> float:
        """How much is done in a second."""
        return self._per_second(self._marks[-1].done - self._marks[0].done)

    @property
    def arriving(self) -> float:
        """How much the log grows in a second."""
        return self._per_second(self._marks[-1].head - self._marks[0].head)

    @property
    def seconds_left(self) -> float | None:
        """How long it takes to catch up with a log that goes on growing; None when that is not known, or never."""
        if not self.left:
            return 0.0
        gain = self.rate - self.arriving
        return self.left / gain if gain > 0 else None

    def _per_second(self, amount: int) -> float:
        elapsed = self._marks[-1].time - self._marks[0].time
        return amount / elapsed if elapsed > 0 else 0.0
