"""Who holds readers back: looked for when the log stands still for long, and told in the process's own log.

A transaction that has appended and does not end has all readers wait before its events. Those of a store are ended in
time; one that a program has opened by itself, around the functions of the log, is only as good as that program.
"""

import asyncio
import logging
from typing import Final, final

from twofold.drivers.postgres._connection import Connection
from twofold.drivers.postgres._names import Names

_log = logging.getLogger("twofold.postgres")


@final
class Watch:
    """Notices that readers are held back.

    Args:
        names: What is called how.
        patience: For how long the log may stand still before it looks who does that, and before it looks again, in
            seconds.
    """

    __slots__ = ("_names", "_patience", "_since", "_stands")

    def __init__(self, names: Names, patience: float) -> None:
        self._names = names
        self._patience = patience
        self._stands = -1
        self._since = 0.0

    async def saw(self, bound: int, connection: Connection) -> None:
        """The log was final up to here just now."""
        now = asyncio.get_running_loop().time()
        if bound != self._stands:
            self._stands, self._since = bound, now
        elif now - self._since >= self._patience:
            self._since = now
            for row in await connection.fetch(self._names.sql(_HOLDERS), self._names.floor_key + bound):
                _log.warning(_TEXT, bound, *row)


_TEXT: Final = (
    "readers wait at position %d for %s of PostgreSQL (%s), which has appended and not ended its transaction"
    " since %s; pg_terminate_backend ends it"
)
_HOLDERS: Final = (
    "SELECT coalesce('process ' || l.pid, 'a prepared transaction'), coalesce(a.application_name, ''),"
    " coalesce(a.xact_start::text, 'nobody may see when')"
    " FROM pg_catalog.pg_locks AS l LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid"
    " WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted"
    " AND l.classid::bigint << 32 | l.objid::bigint = $1"
    " AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())"
)
