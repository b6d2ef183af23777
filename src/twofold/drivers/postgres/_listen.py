"""Wake-ups between processes. They are hints: followers look by themselves when one is lost.

A notification is sent after the commit, on a connection of its own. Inside the commit it would take a lock of the whole
server's, and commits would go one after the other.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, final

from twofold.drivers.postgres._connection import Connection
from twofold.drivers.postgres._faults import LOST
from twofold.drivers.postgres._names import Names
from twofold.store import Bell

_log = logging.getLogger("twofold.postgres")


@final
class Ear:
    """Rings the bell when other processes have appended, and tells them when this one has.

    Args:
        connect: Opens a connection.
        names: What is called how.
        bell: The bell of this process.
    """

    __slots__ = ("_bell", "_connect", "_names", "_news", "_task", "_wake")

    def __init__(self, connect: Callable[[], Awaitable[Connection]], names: Names, bell: Bell) -> None:
        self._connect = connect
        self._names = names
        self._bell = bell
        self._news = 0
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Listen from now on."""
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._serve(), name="twofold-postgres-ear")

    async def close(self) -> None:
        """Listen no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def tell(self, position: int) -> None:
        """The log has grown to this position: wake followers here at once, and others as soon as may be."""
        self._bell.ring(position)
        self._news = max(self._news, position)
        self._wake.set()

    async def _serve(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                connection = await self._connect()
            except LOST as error:
                level = logging.WARNING if pause == _FIRST_PAUSE else logging.DEBUG  # one line for each outage
                _log.log(level, "cannot listen for notifications, followers look by themselves meanwhile: %s", error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LAST_PAUSE)
                continue
            pause = _FIRST_PAUSE
            try:
                await self._attend(connection)
            except LOST as error:
                _log.warning("the connection that listens for notifications was lost: %s", error)
            finally:
                connection.terminate()

    async def _attend(self, connection: Connection) -> None:
        connection.add_termination_listener(lambda _: self._wake.set())
        own = connection.get_server_pid()

        def hear(_: Any, pid: int, channel: str, payload: Any) -> None:
            if pid != own:
                self._bell.ring(int(payload) if str(payload).isdecimal() else 0)

        await connection.add_listener(self._names.channel, hear)
        self._bell.ring(0)  # what was told before is lost: everybody looks
        while not connection.is_closed():
            await self._wake.wait()
            self._wake.clear()
            news, self._news = self._news, 0
            if news and not connection.is_closed():
                await connection.execute(
                    "SELECT pg_notify($1, $2)", self._names.channel, str(news), timeout=_LAST_PAUSE
                )
                await asyncio.sleep(_BETWEEN)  # what comes meanwhile goes into the next one


_BETWEEN: Final = 0.01
_FIRST_PAUSE: Final = 0.1
_LAST_PAUSE: Final = 5.0
