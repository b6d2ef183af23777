"""The queue in front of a thread that owns a connection.

Whoever puts something in is answered, or is told that the mailbox is closed; nothing is left lying in it.
"""

from queue import SimpleQueue
from threading import Lock
from typing import Generic, TypeVar, final

from twofold.errors import StoreUnavailable

T = TypeVar("T")


@final
class Mailbox(Generic[T]):
    """Items for one or several threads, in order, until it is closed.

    Args:
        closed: Why it is closed from the beginning; None for an open one.
    """

    __slots__ = ("_closed", "_items", "_lock")

    def __init__(self, closed: str | None = None) -> None:
        self._items: SimpleQueue[T | None] = SimpleQueue()
        self._lock = Lock()
        self._closed: str | None = None
        if closed is not None:
            self.close(closed)

    def __len__(self) -> int:
        """About how many items wait."""
        return max(0, self._items.qsize() - (self._closed is not None))

    def put(self, item: T) -> None:
        """Put an item at the end.

        Raises:
            StoreUnavailable: The mailbox is closed.
        """
        with self._lock:
            if self._closed is not None:
                raise StoreUnavailable(self._closed)
            self._items.put(item)

    def close(self, reason: str) -> None:
        """Take no more items; those inside are still handed out, then None to every thread that asks."""
        with self._lock:
            if self._closed is None:
                self._closed = reason
                self._items.put(None)

    def take(self, timeout: float | None = None) -> T | None:
        """Wait for the next item; None when the mailbox is closed and empty.

        Raises:
            queue.Empty: Nothing came within `timeout` seconds.
        """
        item = self._items.get(timeout=timeout)
        if item is None:
            self._items.put(None)
        return item

    def take_now(self) -> T | None:
        """The next item if there is one; for a mailbox that a single thread takes from."""
        return None if self._items.empty() else self.take()
