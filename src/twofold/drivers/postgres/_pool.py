"""A fixed number of connections, opened when first needed, and lent to one user at a time.

Giving one back costs no round trip. Only after an error or a cancellation, or where something may have been left on it,
is it reset first; when that fails, or when it is gone, the next user gets a new one.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import final

from twofold.drivers.postgres._connection import Connection
from twofold.drivers.postgres._faults import raise_typed
from twofold.errors import StoreUnavailable, WiringError


@final
class Pool:
    """Lends connections; all methods are for the event loop that it was opened in.

    Args:
        connect: Opens a connection.
        most: How many there may be.
        timeout: How long to wait for one, in seconds.
        closed: What those are told who ask before it is opened.
        queue: How many may wait for one; whoever comes then is told at once. None for all who come.
    """

    __slots__ = (
        "_closed",
        "_connect",
        "_free",
        "_idle",
        "_lent",
        "_loop",
        "_most",
        "_queue",
        "_resets",
        "_timeout",
        "waiting",
    )

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        most: int,
        timeout: float,
        closed: str = "the store is not open",
        queue: int | None = None,
    ) -> None:
        self._connect = connect
        self._most = most
        self._timeout = timeout
        self._queue = queue
        self._closed: str | None = closed
        self._loop: asyncio.AbstractEventLoop | None = None
        self._idle: list[Connection] = []
        self._lent: set[Connection] = set()
        self._resets: set[asyncio.Task[None]] = set()
        self._free = asyncio.Semaphore(most)
        self.waiting = 0
        """How many wait for a connection."""

    def open(self) -> None:
        """Lend from now on."""
        self._loop = asyncio.get_running_loop()
        self._free = asyncio.Semaphore(self._most)
        self._closed = None

    async def take(self) -> Connection:
        """A connection that nobody else has; to be given back.

        Raises:
            StoreUnavailable: None can be opened, none is free in time, too many wait already, or the pool is closed.
            WiringError: The store was started in another event loop.
        """
        if self._closed is not None:
            raise StoreUnavailable(self._closed)
        self.prove_loop()
        if self._free.locked():
            await self._wait()
        else:
            await self._free.acquire()
        try:
            connection = await self._next()
        except BaseException:
            self._free.release()
            raise
        self._lent.add(connection)
        return connection

    def prove_loop(self) -> None:
        """Prove that it is used in the event loop that it was opened in.

        Raises:
            WiringError: The store was started in another one.
        """
        if asyncio.get_running_loop() is not self._loop and self._closed is None:
            raise WiringError("a PostgreSQL store works in the event loop that it was started in")

    def give(self, connection: Connection, *, clean: bool) -> None:
        """Take a connection back; harmless when it was given back before.

        Args:
            connection: What `take` gave.
            clean: Whether all that ran on it ended well.
        """
        if connection not in self._lent:
            return
        if connection.is_closed() or self._closed is not None:
            connection.terminate()
            self._settle(connection)
        elif clean and not connection.touched and not connection.is_in_transaction():
            self._idle.append(connection)
            self._settle(connection)
        else:
            reset = asyncio.ensure_future(self._reset(connection))
            self._resets.add(reset)
            reset.add_done_callback(self._resets.discard)

    @asynccontextmanager
    async def lent(self, taken: Connection | None = None) -> AsyncGenerator[Connection]:
        """A connection for a block; the errors of PostgreSQL in it are typed.

        Args:
            taken: The connection, when it was taken already.
        """
        connection = taken or await self.take()
        clean = False
        try:
            yield connection
            clean = True
        except Exception as error:  # noqa: BLE001  # it is raised again
            raise_typed(error)
        finally:
            self.give(connection, clean=clean)

    async def close(self, reason: str, patience: float) -> None:
        """Lend no more, wait until all are back, and close them.

        Args:
            reason: What those are told who ask from now on.
            patience: How long to wait for them; then they are cut off.
        """
        if self._closed is not None:
            return
        self._closed = reason
        idle, self._idle = self._idle, []
        for connection in idle:
            await _close(connection)
        try:
            async with asyncio.timeout(patience):
                for _ in range(self._most):
                    await self._free.acquire()
        except TimeoutError:
            for connection in tuple(self._lent):
                connection.terminate()
                self._settle(connection)

    async def _wait(self) -> None:
        if self._queue is not None and self.waiting >= self._queue:
            raise StoreUnavailable(f"all {self._most} connections are in use, and {self.waiting} wait for one")
        self.waiting += 1
        try:
            async with asyncio.timeout(self._timeout):
                await self._free.acquire()
        except TimeoutError:
            raise StoreUnavailable(f"all {self._most} connections were in use for {self._timeout} s") from None
        finally:
            self.waiting -= 1

    async def _next(self) -> Connection:
        while self._closed is None:
            if not self._idle:
                try:
                    return await self._connect()
                except Exception as error:  # noqa: BLE001  # it is raised again
                    raise_typed(error)
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        raise StoreUnavailable(self._closed)

    async def _reset(self, connection: Connection) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                # Asked or not: a BEGIN whose caller was cancelled may still be on its way, and nobody knows of it yet.
                await connection.execute("ROLLBACK")
                await connection.reset()
                if connection.touched:
                    await connection.execute("DISCARD TEMP")
                connection.touched = False
        except Exception:  # noqa: BLE001  # whatever it is, the connection is of no use any more
            connection.terminate()
        if self._closed is None and not connection.is_closed():
            self._idle.append(connection)
        else:
            connection.terminate()
        self._settle(connection)

    def _settle(self, connection: Connection) -> None:
        if connection in self._lent:
            self._lent.discard(connection)
            self._free.release()


async def _close(connection: Connection) -> None:
    try:
        await connection.close(timeout=_FAREWELL)
    except Exception:  # noqa: BLE001  # it is closed all the same
        connection.terminate()


_FAREWELL = 1.0
