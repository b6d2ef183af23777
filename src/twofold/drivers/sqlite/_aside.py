"""Standing aside: an event loop that never rests lets the thread that writes have the interpreter now and then.

Such a loop lets go of the interpreter's lock for a microsecond, whenever it looks for what is ready. A thread that
waits for the lock is woken by that, comes too late, and waits anew; so it never waits for the whole switch interval,
after which CPython would have the lock handed over (`take_gil` in `ceval_gil.h`). A unit of work takes the lock some
fifty times: beside a handler that computes, with `await asyncio.sleep(0)` every two milliseconds, a commit took up to
seven seconds.
"""

import asyncio
from contextvars import Context
from time import sleep
from typing import final


@final
class Aside:
    """Counts the calls that one event loop has on their way to the thread that writes; used in that loop.

    While none of them is decided from one look to the next the loop stands still for a moment. Where it is the disk
    that they wait for that is for nothing, so looks become rarer.

    Args:
        loop: The loop.
    """

    __slots__ = ("_asked", "_watched", "decided", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.decided = 0
        """How many calls the loop was told of."""
        self._asked = 0
        self._watched = False

    def expect(self) -> None:
        """Look after one more call, until it is decided."""
        self._asked += 1
        if not self._watched:
            self._watched = True
            self._watch(_SOON)

    def _watch(self, pause: float) -> None:
        self.loop.call_later(pause, self._look, self.decided, pause, context=Context())  # of no message

    def _look(self, before: int, pause: float) -> None:
        if self.decided != before:
            pause = _SOON
        else:
            sleep(_MOMENT)
            pause = min(2 * pause, _LATE)
        if self.decided < self._asked:
            self._watch(pause)
        else:
            self._watched = False


_SOON = 0.01
_LATE = 0.02
"""How long nothing is decided before the loop stands aside, at first and at most, in seconds."""

_MOMENT = 0.001
"""How long it does: the thread wakes up, and all that it does in Python for a unit of work takes half of that."""
