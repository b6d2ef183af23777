"""Finished reads on their way back to the event loop: as many as there are, with one wake-up.

Waking the loop after each would make it and the reading thread take turns at the interpreter, one answer at a time.
"""

import asyncio
from collections import deque
from typing import Any, final

from twofold.drivers.sqlite._call import Call
from twofold.drivers.sqlite._waiting import WaitingLoop


@final
class Outbox:
    """What was read for one event loop, and is not told yet.

    Args:
        loop: The loop, which is running.
    """

    __slots__ = ("_calls", "_loop", "_sent", "loop", "owed", "watched")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._loop = WaitingLoop.of(loop)
        self.owed = 0
        """How many calls are on their way, there or back; counted in the loop."""
        self.watched = False
        """Whether somebody looks after them."""
        self._calls: deque[Call[Any]] = deque()
        self._sent = False

    def __len__(self) -> int:
        return len(self._calls)

    def put(self, call: Call[Any]) -> None:
        """Keep a decided call until the loop is told; from any thread."""
        self._calls.append(call)

    def send(self) -> None:
        """Have the loop empty it; from any thread."""
        if self._calls and not self._sent:
            self._sent = True
            self._loop.call(self.empty)

    def empty(self) -> None:
        """Wake everybody whose call is in here; in the loop."""
        self._sent = False  # first: whoever puts one in from now on sends again
        while self._calls:
            self.owed -= 1
            self._calls.popleft().decide()
