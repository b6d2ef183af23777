"""Committing, and telling the truth about it: what was sent is carried through, whatever happens to the caller."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar, final

from twofold.drivers.postgres._append import Call
from twofold.drivers.postgres._connection import Connection, Server
from twofold.drivers.postgres._faults import is_lost, must_run_again, raise_typed
from twofold.drivers.postgres._names import Names
from twofold.drivers.postgres._outcome import look
from twofold.drivers.postgres._pool import Pool
from twofold.errors import Conflict
from twofold.store import Committed

T = TypeVar("T")


@final
class Commits:
    """Sends calls.

    Args:
        pool: Connections to send them on.
        server: Where to look for those that got no answer.
        names: What is called how.
        timeout: How long to wait for an answer, in seconds.
        announce: Told of the position of what was appended.
    """

    __slots__ = ("_announce", "_names", "_server", "_timeout", "pool")

    def __init__(
        self, pool: Pool, server: Server, names: Names, *, timeout: float, announce: Callable[[int], None]
    ) -> None:
        self.pool = pool
        self._server = server
        self._names = names
        self._timeout = timeout
        self._announce = announce

    async def commit(self, call: Call) -> Committed:
        """Send a call in a transaction of its own, in one round trip; withdrawn when cancelled before it is sent."""
        connection = await self.pool.take()
        return await carried_through(self._send(connection, call, _nothing))

    async def finish(self, connection: Connection, call: Call) -> Committed:
        """Send a call in the transaction that is open on a connection, commit it, and give the connection back."""
        return await carried_through(self._send(connection, call, _commit))

    async def _send(
        self, connection: Connection, call: Call, then: Callable[[Connection], Awaitable[None]]
    ) -> Committed:
        pid, clean, may_be_written = connection.get_server_pid(), False, then is _nothing
        try:
            async with asyncio.timeout(self._timeout):
                committed = await call.send(connection)
                may_be_written = True
                await then(connection)
            clean = True
        except Conflict:
            clean = then is _nothing
            raise
        except Exception as error:  # noqa: BLE001 - it is raised again, unless its truth is found out
            if not may_be_written or not is_lost(error):
                raise_typed(error)
            connection.terminate()
            committed = await look(self._server, self._names, call, connection, pid, error)
        finally:
            self.pool.give(connection, clean=clean)
        if committed.position:
            self._announce(committed.position)
        return committed


async def carried_through(work: Coroutine[Any, Any, T]) -> T:
    """Wait for the end of something, even when cancelled; the cancellation comes after it."""
    loop = asyncio.get_running_loop()
    ended = loop.create_future()  # a shield would come around once more in the event loop, for each commit
    task = loop.create_task(_carry(work, ended))
    try:
        await ended
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):  # the first one is raised again once all is decided
                await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # nobody else will ask for it
        raise
    return task.result()


async def _carry(work: Awaitable[T], ended: asyncio.Future[None]) -> T:
    try:
        return await work
    finally:
        if not ended.done():
            ended.set_result(None)


async def persistently(attempt: Callable[[], Awaitable[T]]) -> T:
    """Run a transaction that is data again when PostgreSQL gave it up because of others beside it.

    Raises:
        Conflict: It was given up each time.
    """
    for _ in range(_RUNS - 1):
        try:
            return await attempt()
        except Conflict as conflict:
            if conflict.__cause__ is None or not must_run_again(conflict.__cause__):
                raise
    return await attempt()


async def _commit(connection: Connection) -> None:
    await connection.execute("COMMIT")


async def _nothing(connection: Connection) -> None:
    pass


_RUNS = 5
