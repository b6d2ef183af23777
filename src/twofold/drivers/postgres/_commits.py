"""Committing, and telling the truth about it: what was sent is carried through, whatever happens to the caller."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar, final

from twofold.drivers.postgres._append import Call, send_each
from twofold.drivers.postgres._connection import Connection, Server
from twofold.drivers.postgres._faults import is_lost, must_run_again, raise_typed
from twofold.drivers.postgres._group import Asked, Group
from twofold.drivers.postgres._names import Names
from twofold.drivers.postgres._outcome import look
from twofold.drivers.postgres._pool import Pool
from twofold.errors import Conflict, OutcomeUnknown, StoreUnavailable, StreamClosed
from twofold.store import Committed, carried_through

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

    __slots__ = ("_announce", "_each", "_gathering", "_names", "_server", "_timeout", "pool")

    def __init__(
        self, pool: Pool, server: Server, names: Names, *, timeout: float, announce: Callable[[int], None]
    ) -> None:
        self.pool = pool
        self._server = server
        self._names = names
        self._each = names.sql(_EACH)
        self._timeout = timeout
        self._announce = announce
        self._gathering: Group | None = None

    async def commit(self, call: Call) -> Committed:
        """Send a call in a transaction of its own, in one round trip; withdrawn when cancelled before it is sent.

        Short calls share both with those that are asked for before there is a connection: in the same turn of the event
        loop, or while all connections are in use.
        """
        if not call.short:
            return await carried_through(self._send(await self.pool.take(), call))
        self.pool.prove_loop()
        group = self._gathering
        if group is None or group.full:
            self._gathering = group = Group()
            group.sending = asyncio.get_running_loop().create_task(self._send_group(group))
        return await group.commit(call)

    async def finish(self, connection: Connection, call: Call) -> Committed:
        """Send a call in the transaction that is open on a connection, commit it, and give the connection back."""
        return await carried_through(self._send(connection, call, then_commit=True))

    async def _send_group(self, group: Group) -> None:
        try:
            try:
                connection = await self.pool.take()
            finally:
                if self._gathering is group:
                    self._gathering = None
            await self._send_each(connection, group.close())
        except Exception as error:  # noqa: BLE001  # it is the answer to all of them
            group.tell(error)
        except BaseException:
            group.tell(OutcomeUnknown("the event loop ended while a commit was on its way"))
            raise

    async def _send_each(self, connection: Connection, asked: Sequence[Asked]) -> None:
        if len(asked) == 1:
            await self._send_one(asked[0], connection)
            return
        calls, pid = [one.call for one in asked], connection.get_server_pid()
        outcomes: Sequence[Committed | Exception] | None = None
        try:
            outcomes = await send_each(connection, self._each, calls, self._timeout) if calls else ()
        except Exception as error:  # noqa: BLE001  # its truth is found out, or nothing is written
            if is_lost(error):
                connection.terminate()
                outcomes = await look(self._server, self._names, calls, connection, pid, error)
        finally:
            self.pool.give(connection, clean=outcomes is not None)
        if outcomes is None:  # one of them may be to blame, or keeps the others waiting
            await asyncio.gather(*map(self._send_one, asked))
            return
        self._announce(max((one.position for one in outcomes if isinstance(one, Committed)), default=0))
        for one, outcome in zip(asked, outcomes, strict=True):
            one.tell(outcome)

    async def _send_one(self, asked: Asked, connection: Connection | None = None) -> None:
        try:
            asked.tell(await self._send(connection or await self.pool.take(), asked.call))
        except Exception as error:  # noqa: BLE001  # it is the answer
            asked.tell(error)

    async def _send(self, connection: Connection, call: Call, *, then_commit: bool = False) -> Committed:
        pid, clean, may_be_written = connection.get_server_pid(), False, not then_commit
        try:
            _require_open(connection)
            committed = await call.send(connection, self._timeout)
            may_be_written = True
            if then_commit:
                _require_open(connection)
                await connection.execute("COMMIT", timeout=self._timeout)
            clean = True
        except (Conflict, StreamClosed):
            clean = not then_commit
            raise
        except Exception as error:  # noqa: BLE001  # it is raised again, unless its truth is found out
            if not may_be_written or not is_lost(error):
                raise_typed(error)
            connection.terminate()
            told = await look(self._server, self._names, [call], connection, pid, error, held=then_commit)
            committed = _told(*told)
        finally:
            self.pool.give(connection, clean=clean)
        if committed.position:
            self._announce(committed.position)
        return committed


def _require_open(connection: Connection) -> None:
    """See that a connection is there to send a commit on: without one its end is known."""
    if connection.is_closed():
        raise StoreUnavailable("the connection to PostgreSQL was lost before the commit was sent")


def _told(outcome: Committed | Exception) -> Committed:
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


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


_RUNS = 5
_EACH = "SELECT {schema}.twofold_append_each_audited($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
