"""Reading with connections that only read: over one snapshot, or one query without a transaction around it."""

from collections.abc import Callable
from typing import Any, TypeVar, final

import asyncpg

from twofold.drivers.postgres._commits import persistently
from twofold.drivers.postgres._connection import Connection, only_reads
from twofold.drivers.postgres._faults import raise_typed
from twofold.drivers.postgres._pool import Pool
from twofold.drivers.postgres._replicas import Replicas
from twofold.drivers.postgres._row_security import beginning
from twofold.drivers.postgres._run import run
from twofold.errors import WiringError
from twofold.messages import current_context

T = TypeVar("T")


@final
class Reader:
    """Reads again and again from where it has read first, for as long as that can be.

    Args:
        replicas: Where to read.
    """

    __slots__ = ("_last", "_replicas")

    def __init__(self, replicas: Replicas) -> None:
        self._replicas = replicas
        self._last: Pool | None = None

    async def read(self, work: Callable[[Any], T]) -> T:
        """Run a function over one snapshot."""
        return await persistently(lambda: self._read(work, alone=False))

    async def read_statement(self, work: Callable[[Any], T]) -> T:
        """Run a function that executes one query, in one round trip."""
        return await persistently(lambda: self._read(work, alone=True))

    async def _read(self, work: Callable[[Any], T], *, alone: bool) -> T:
        pool, taken = await self._replicas.take(self._last)
        self._last = pool
        async with pool.lent(taken) as connection:
            # Unless somebody has changed that, or a pooler keeps the settings of others.
            if alone and only_reads(connection) and not (connection.row_security and current_context()):
                return await _reading(work, connection)
            return await _in_snapshot(work, connection)


async def _in_snapshot(work: Callable[[Any], T], connection: Connection) -> T:
    await connection.execute(beginning(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"))
    done = await _reading(work, connection)
    await connection.execute("ROLLBACK")
    return done


async def _reading(work: Callable[[Any], T], connection: Connection) -> T:
    try:
        done: T = await run(work, connection)
    except asyncpg.ReadOnlySQLTransactionError as error:
        raise WiringError("a function that was given to read tried to write") from error
    except asyncpg.InvalidCachedStatementError as error:
        raise_typed(error)
    return done
