"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta
from typing import Final, final

_START: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)


@final
class VirtualClock:
    """A `Clock` that a test owns: both of its times stand still, and go on together.

    What asks it for the time sees it move at once. What waits for the event loop, a timeout or a back-off, waits for
    as long as it always does.

    Args:
        start: What time it is at first.

    Raises:
        ValueError: `start` has no zone.

    Example:
        >>> clock = VirtualClock()
        >>> clock.advance(days=1)
    """

    __slots__ = ("_now", "_passed")

    def __init__(self, start: datetime = _START) -> None:
        if start.tzinfo is None:
            raise ValueError(f"{start} has no zone: VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))")
        self._now = start.astimezone(UTC)
        self._passed = timedelta()

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return self._now

    def monotonic(self) -> float:
        """How many seconds it was moved on."""
        return self._passed.total_seconds()

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Let time pass.

        Raises:
            ValueError: It would go back.
        """
        passed = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if passed < timedelta():
            raise ValueError(f"a clock does not go back by {-passed}")
        self._now += passed
        self._passed += passed
