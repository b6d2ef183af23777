"""How many units of work share a commit: what keeps both the event loop and the disk at work."""

import threading
import time
from typing import final


@final
class Pace:
    """Tells whether the event loop and SQLite work at the same time, each with half of the units, or in turn with all.

    While SQLite writes half of them, those who sent the other half are told, and go on. That pays as long as what the
    event loop has to do takes longer than it then waits for the disk. On a slower disk each half would wait by itself,
    for as long as all together do; there everybody is told first, so that they come back in time for one commit. Nor
    does it pay where the units are no single statement.

    The thread that writes calls its methods, but for `went_on`.
    """

    __slots__ = ("_began", "_going_on", "_late", "_told", "_took", "_went")

    def __init__(self) -> None:
        self._late = _LATE
        self._told = self._went = self._began = self._took = 0.0
        self._going_on = threading.Event()

    @property
    def overlaps(self) -> bool:
        """Whether both work at the same time."""
        return self._late < _LATE

    def share(self, waiting: int, decided: int) -> int:
        """How many units the next commit may have, of those that wait while others are decided and not told so."""
        return min(_LARGEST_HALF, (waiting + decided + 1) // 2) if self.overlaps else _LARGEST_GROUP

    def told(self) -> None:
        """Those whose units are decided are told so."""
        self._going_on.clear()
        self._told = time.perf_counter()

    def went_on(self) -> None:
        """They have gone on, as far as they come without waiting for something; in their event loop."""
        self._went = time.perf_counter()
        self._going_on.set()

    def wait(self) -> None:
        """Wait until those who were told have gone on, but no longer than the disk took the last time."""
        self._going_on.wait(self._took)

    def began(self) -> None:
        """SQLite begins to write."""
        self._began = time.perf_counter()

    def ended(self) -> None:
        """It has written, and the disk has it."""
        now = time.perf_counter()
        self._took = now - self._began
        if self._told:
            late = self._told < self._went < now and now - max(self._went, self._began) > self._went - self._told
            self._late = self._late + 1 if late else 0
            self._told = 0.0

    def interrupted(self) -> None:
        """It has written by several statements, each of which waits for the interpreter: halves would do so twice."""
        self._late = _LATE
        self._told = self._took = 0.0


_LARGEST_GROUP = 256
_LARGEST_HALF = 64
_LATE = 3
"""How often the disk is late, one time after the other, before nobody works at the same time any more."""
