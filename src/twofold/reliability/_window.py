"""Moving windows in memory, on the monotonic clock: nobody is locked out when somebody sets the wall clock back."""

from collections import OrderedDict, deque
from typing import Final, final

from twofold.clock import Clock
from twofold.reliability._rate import Rate

_FORGOTTEN_AT_ONCE: Final = 2
"""More than the one key that a call may add, so that what is kept shrinks to the keys of the last window."""


@final
class MemoryWindows:
    """Counts for each key what was let through in the last window; see `Windows`.

    Args:
        rate: How many in which span of time.
        clock: Where the time comes from.
    """

    __slots__ = ("_amount", "_clock", "_hits", "_span")

    def __init__(self, rate: Rate, clock: Clock) -> None:
        self._amount, self._span, self._clock = rate.amount, float(rate.seconds), clock
        self._hits = OrderedDict[str, deque[float]]()
        """By key, the one used longest ago first."""

    def __len__(self) -> int:
        return len(self._hits)

    async def take(self, key: str, deadline: float | None = None) -> float | None:
        """Count one if there is room; see `Windows`."""
        now = self._clock.monotonic()
        self._forget(now)
        hits = self._hits.get(key)
        if hits is None:
            hits = self._hits[key] = deque(maxlen=self._amount)
        elif len(hits) == self._amount and (wait := hits[0] + self._span - now) > 0:
            return wait
        hits.append(now)
        self._hits.move_to_end(key)
        return None

    def _forget(self, now: float) -> None:
        for _ in range(_FORGOTTEN_AT_ONCE):
            oldest = next(iter(self._hits), None)
            if oldest is None or self._hits[oldest][-1] + self._span > now:
                return
            del self._hits[oldest]
