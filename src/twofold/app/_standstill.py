"""Who stands still in another process, as one that only looks on can tell: the same event waits at every look."""

from collections.abc import Callable
from typing import final


@final
class Standstill:
    """Since when what a follower waits before has been the same.

    Args:
        now: A clock that does not jump, in seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._seen: dict[str, tuple[int, float]] = {}

    def of(self, name: str, before: int | None) -> float:
        """For how long a follower has stood before this, in seconds; 0 when it is first seen there.

        Args:
            name: The follower.
            before: The position of what waits for it; None when nothing does.
        """
        if before is None:
            self._seen.pop(name, None)
            return 0.0
        seen = self._seen.get(name)
        if seen is None or seen[0] != before:
            seen = self._seen[name] = before, self._now()
        return self._now() - seen[1]
