"""The line in front of the threads that read: one of them works it off, others join only when it does not move.

Threads that are awake fight the event loop for the interpreter, so the fewer the better while calls are short. One call
that takes long must not hold up the others: whoever watches the line wakes one more thread when it has stood still.
"""

from collections import deque
from queue import SimpleQueue
from threading import Lock
from typing import Any, TypeAlias, final

from twofold.drivers.sqlite._call import Call
from twofold.drivers.sqlite._outbox import Outbox
from twofold.errors import StoreUnavailable

Item: TypeAlias = tuple[Call[Any], Outbox]
"""A call, and where its outcome goes."""


@final
class Line:
    """Calls in order, and how many threads are awake to take them.

    Args:
        most: How many threads there are at most.
        closed: Why it is closed from the beginning; None for an open one.
    """

    __slots__ = ("_awake", "_calls", "_closed", "_lock", "_most", "_threads", "_wakeups", "put_in", "taken")

    def __init__(self, most: int, closed: str | None = None) -> None:
        self._calls: deque[Item] = deque()
        self._closed = closed
        self._lock = Lock()
        self._most = most
        self._threads = 0
        self._awake = 0
        self._wakeups = SimpleQueue[None]()
        self.put_in = 0
        """How many calls were ever put in."""
        self.taken = 0
        """How many of them a thread has taken."""

    def put(self, item: Item) -> bool:
        """Put a call at the end, and see that a thread is awake.

        Returns:
            Whether a thread has to be started for that.

        Raises:
            StoreUnavailable: The line is closed.
        """
        with self._lock:
            if self._closed is not None:
                raise StoreUnavailable(self._closed)
            self._calls.append(item)
            self.put_in += 1
            return self._awake == 0 and self._one_more()

    def reinforce(self) -> bool:
        """See that one more thread is awake, if there is anything for it to do.

        Returns:
            Whether a thread has to be started for that.
        """
        with self._lock:
            waiting = self._calls and self._closed is None
            return bool(waiting) and self._awake < self._most and self._one_more()

    def take(self) -> Item | None:
        """The next call; None when nothing waits."""
        with self._lock:
            if not self._calls:
                return None
            self.taken += 1
            return self._calls.popleft()

    def rest(self) -> bool:
        """Sleep until there is something to do; for a thread that is awake.

        Returns:
            Whether there is; if not, the line is closed and empty, and the thread may end.
        """
        with self._lock:
            if self._calls or self._closed is not None:
                return bool(self._calls)
            self._awake -= 1
        self._wakeups.get()
        return True

    def close(self, reason: str) -> None:
        """Take no more calls; those inside are still handed out."""
        with self._lock:
            if self._closed is None:
                self._closed = reason
                for _ in range(self._threads - self._awake):
                    self._awake += 1
                    self._wakeups.put(None)

    def _one_more(self) -> bool:
        self._awake += 1
        if self._threads >= self._awake:
            self._wakeups.put(None)
            return False
        self._threads += 1
        return True
