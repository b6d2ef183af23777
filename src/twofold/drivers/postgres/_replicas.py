"""Read replicas: where queries read, while commands, projections and the log stay on the primary.

A replica that cannot be reached, or is behind what a reader has to see, is passed over; at last the primary is read.
Which one cannot be reached is told in the process's own log: those who read are answered all the same.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Final, final

from twofold.drivers.postgres._connection import Connection
from twofold.drivers.postgres._faults import LOST
from twofold.drivers.postgres._pool import Pool
from twofold.errors import StoreUnavailable, WiringError, line_of
from twofold.store import current_unit

_log = logging.getLogger("twofold.postgres")

_AWAY: Final = 1.0
"""For how long a replica is left alone that was of no use, in seconds."""
_PATIENCE: Final = 0.5
"""How long to wait for a replica to catch up, in seconds; the primary has it all."""
_FIRST_PAUSE: Final = 0.002
_LAST_PAUSE: Final = 0.05

_WRITTEN: Final = "SELECT (pg_catalog.pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint"
_REPLAYED: Final = "SELECT (pg_catalog.pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint"


@final
class _Replica:
    def __init__(self, pool: Pool, place: str) -> None:
        self.pool = pool
        self._place = place
        self._rests_until = 0.0
        self._told = False

    @property
    def awake(self) -> bool:
        """Whether it is worth asking."""
        return asyncio.get_running_loop().time() >= self._rests_until

    def rest(self) -> None:
        """Leave it alone for a while."""
        self._rests_until = asyncio.get_running_loop().time() + _AWAY

    async def take(self, needed: int) -> Connection | None:
        """A connection to it, if it is there and has replayed what is needed."""
        if not self.awake:
            return None
        try:
            connection = await self.pool.take()
        except StoreUnavailable as error:
            self.rest()
            if error.__cause__ is not None:  # else all connections to it are in use
                self._tell(error)
            return None
        except WiringError as error:
            raise WiringError(f"replica {self._place}: {error.detail}") from error.__cause__
        good = fit = False
        try:
            fit = not needed or needed <= (await connection.fetchval(_REPLAYED) or 0)
            good, self._told = True, False
        except LOST as error:
            self.rest()
            self._tell(error)
        finally:
            if not fit:
                self.pool.give(connection, clean=good)
        return connection if fit else None

    def _tell(self, error: Exception) -> None:
        """Tell that it is passed over; one line for each outage."""
        level = logging.DEBUG if self._told else logging.WARNING
        self._told = True
        _log.log(level, "replica %s is passed over: %s", self._place, line_of(error))


@final
class Replicas:
    """The replicas of one store.

    Args:
        pools: The connections to each, and what it is called in logs.
        primary: The connections to the primary that read.
    """

    __slots__ = ("_needed", "_primary", "_replicas", "_turn")

    def __init__(self, pools: Sequence[tuple[Pool, str]], primary: Pool) -> None:
        self._replicas = [_Replica(pool, place) for pool, place in pools]
        self._primary = primary
        self._needed: ContextVar[int] = ContextVar("twofold_replayed", default=0)
        self._turn = 0

    def __bool__(self) -> bool:
        return bool(self._replicas)

    def open(self) -> None:
        """Lend from now on; nobody has to be there."""
        for replica in self._replicas:
            replica.pool.open()

    async def close(self, reason: str, patience: float) -> None:
        """Close the connections to all."""
        for replica in self._replicas:
            await replica.pool.close(reason, patience)

    async def require(self, wait: float) -> None:
        """Have this task read from now on what the primary has now; from the primary, when no replica has it in time.

        Args:
            wait: How long to wait for one, in seconds.
        """
        async with self._primary.lent() as connection:
            needed = int(await connection.fetchval(_WRITTEN))
        self._needed.set(needed)
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + min(wait, _PATIENCE), _FIRST_PAUSE
        while any(replica.awake for replica in self._replicas):
            for replica in self._replicas:
                found = await replica.take(needed)
                if found is not None:
                    replica.pool.give(found, clean=True)
                    return
            if loop.time() >= deadline:
                for replica in self._replicas if wait >= _PATIENCE else ():
                    replica.rest()
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LAST_PAUSE)

    async def take(self, last: Pool | None = None) -> tuple[Pool, Connection]:
        """A connection to a replica that will do, else to the primary; and where to give it back.

        Args:
            last: Where the reader has read before: there again, if that can be, so that it does not go back in time.

        Raises:
            StoreUnavailable: Not even the primary is there.
        """
        if last is not self._primary and current_unit() is None:  # a command decides by what is, not by what was
            for replica in self._in_turn(last):
                connection = await replica.take(self._needed.get())
                if connection is not None:
                    return replica.pool, connection
        return self._primary, await self._primary.take()

    def _in_turn(self, first: Pool | None) -> Sequence[_Replica]:
        self._turn = (self._turn + 1) % max(1, len(self._replicas))
        turn = [*self._replicas[self._turn :], *self._replicas[: self._turn]]
        return turn if first is None else sorted(turn, key=lambda replica: replica.pool is not first)
