"""Waking threads that read, and event loops that wait for them, with the interpreter's lock let go of before.

By most ways that Python has, whoever wakes a thread holds that lock while the kernel does it. The thread is there
before it is let go of, needs it, sleeps again, and is woken twice more: for the lock, and for what guards the lock. A
file descriptor is written without it. Where there is none of that kind, the usual ways do.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from queue import SimpleQueue
from typing import Final, final
from weakref import WeakKeyDictionary, ref

HAS_EVENTS: Final = hasattr(os, "eventfd")
"""Whether the kernel has descriptors that count, as Linux does."""


@final
class WaitingThread:
    """Where one thread waits until somebody wakes it."""

    __slots__ = ("_descriptor", "_wakeups")

    def __init__(self) -> None:
        self._descriptor = os.eventfd(0) if HAS_EVENTS else -1
        self._wakeups = SimpleQueue[None]()

    def wait(self) -> None:
        """Wait until somebody wakes it, or has done so since it waited last."""
        if self._descriptor >= 0:
            os.eventfd_read(self._descriptor)
        else:
            self._wakeups.get()

    def wake(self) -> None:
        """Wake it; from any thread."""
        if self._descriptor >= 0:
            os.eventfd_write(self._descriptor, 1)
        else:
            self._wakeups.put(None)

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)


@final
class WaitingLoop:
    """What other threads want called in an event loop; there is one for each loop, as long as that lives.

    Args:
        loop: The loop, which is running.
    """

    __slots__ = ("_calls", "_descriptor", "_loop", "_told")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._calls: deque[Callable[[], None]] = deque()
        self._loop = ref(loop)  # which is what this is found by
        self._told = False
        self._descriptor = -1
        if HAS_EVENTS:
            descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            # In a context of nobody's: that of the message that happens to be the first would be kept.
            Context().run(loop.add_reader, descriptor, self._call_all)
            self._descriptor = descriptor

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> "WaitingLoop":
        """That of a loop, which is running."""
        known = _LOOPS.get(loop)
        if known is None:
            known = _LOOPS[loop] = cls(loop)
        return known

    def call(self, function: Callable[[], None]) -> None:
        """Have a function called in the loop; from any thread. Nobody calls it once the loop is closed."""
        self._calls.append(function)
        if not self._told:
            self._tell()

    def _tell(self) -> None:
        self._told = True
        if self._descriptor >= 0:
            os.eventfd_write(self._descriptor, 1)
        elif loop := self._loop():
            with suppress(RuntimeError):  # the loop was closed
                loop.call_soon_threadsafe(self._call_all)

    def _call_all(self) -> None:
        if self._descriptor >= 0:
            os.eventfd_read(self._descriptor)
        self._told = False  # first: whoever wants something from now on tells again
        try:
            while self._calls:
                self._calls.popleft()()
        finally:
            if self._calls:  # one has failed, and the loop is told of that; the others are still called
                self._tell()

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)


_LOOPS: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, WaitingLoop]] = WeakKeyDictionary()
