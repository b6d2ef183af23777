"""Writing that goes on behind an answer: whoever is answered waits for it, but not past their deadline.

What is left to write once a message has been answered (that it failed, an entry of the audit trail) waits for the store
like everything else, and a store may be busy for longer than a message may take.
"""

import asyncio
from collections.abc import Coroutine
from math import inf
from typing import Any, Final, final

from twofold.messages import Context

_PATIENCE: Final = 1.0
_AT_LEAST: Final = 0.1
_MOST: Final = 1000


@final
class Behind:
    """What is still being written for messages that may have been answered.

    Example:
        >>> behind = Behind()
        >>> await behind.see_to(write(), context)
    """

    __slots__ = ("_tasks",)

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    async def see_to(self, work: Coroutine[Any, Any, None], context: Context) -> None:
        """Wait until something is written, or go on without it once the message is late.

        A cancellation comes after that. When a thousand are behind already, each new one waits to its end.

        Args:
            work: Writes; it deals with its own errors.
            context: The message that it is written for.
        """
        loop = asyncio.get_running_loop()
        task = loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        until = inf if len(self._tasks) > _MOST else loop.time() + _patience(context)
        cancelled: asyncio.CancelledError | None = None
        while not task.done() and (left := until - loop.time()) > 0:
            try:
                await asyncio.wait({task}, timeout=None if left == inf else left)
            except asyncio.CancelledError as error:
                cancelled = cancelled or error
        if cancelled is not None:
            raise cancelled

    async def end(self) -> None:
        """Wait until all of it is written."""
        while self._tasks:
            await asyncio.wait(self._tasks)


def _patience(context: Context) -> float:
    if context.deadline is None:
        return _PATIENCE
    return min(max(context.deadline - context.clock.monotonic(), _AT_LEAST), _PATIENCE)
