"""The line in front of the threads that read: one of them works it off, others join only when it does not move.

Threads that are awake fight the event loop for the interpreter, so the fewer the better while calls are short. One call
that takes long must not hold up the others: whoever watches the line wakes one more thread when it has stood still.
"""

from collections import deque
from threading import Lock
from typing import Any, TypeAlias, final

from twofold.drivers.sqlite._call import Call
from twofold.drivers.sqlite._outbox import Outbox
from twofold.drivers.sqlite._waiting import WaitingThread
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

    __slots__ = ("_calls", "_closed", "_lock", "_most", "_resting", "_threads", "put_in", "taken")

    def __init__(self, most: int, closed: str | None = None) -> None:
        self._calls: deque[Item] = deque()
        self._closed = closed
        self._lock = Lock()
        self._most = most
        self._threads = 0
        self._resting: list[WaitingThread] = []
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
            if self._awake:
                return False
            thread = self._one_more()
        return not _woken(thread)

    def reinforce(self) -> bool:
        """See that one more thread is awake, if there is anything for it to do.

        Returns:
            Whether a thread has to be started for that.
        """
        with self._lock:
            if not self._calls or self._closed is not None or self._awake >= self._most:
                return False
            thread = self._one_more()
        return not _woken(thread)

    def take(self) -> Item | None:
        """The next call; None when nothing waits."""
        with self._lock:
            if not self._calls:
                return None
            self.taken += 1
            return self._calls.popleft()

    def rest(self, thread: WaitingThread) -> bool:
        """Wait until there is something to do; for a thread that is awake.

        Args:
            thread: Where it waits.

        Returns:
            Whether there is; if not, the line is closed and empty, and the thread may end.
        """
        with self._lock:
            if self._calls or self._closed is not None:
                return bool(self._calls)
            self._resting.append(thread)
        thread.wait()
        return True

    def close(self, reason: str) -> None:
        """Take no more calls; those inside are still handed out."""
        with self._lock:
            if self._closed is None:
                self._closed = reason
            resting, self._resting = self._resting, []
        for thread in resting:
            thread.wake()

    @property
    def _awake(self) -> int:
        return self._threads - len(self._resting)

    def _one_more(self) -> WaitingThread | None:
        """A thread that is awake from now on; None where one has to be started."""
        if self._resting:
            return self._resting.pop()
        self._threads += 1
        return None


def _woken(thread: WaitingThread | None) -> bool:
    """Wake a thread, if there is one; outside of the lock of the line, for which others would wait meanwhile."""
    if thread is not None:
        thread.wake()
    return thread is not None
