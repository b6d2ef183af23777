"""What must hold in a database for readers to miss nothing, proved when a store starts.

Whatever is found is told with the statement that mends it: nothing here changes anything.
"""

from typing import Final

from twofold.drivers.postgres._connection import Connection
from twofold.drivers.postgres._names import Names
from twofold.errors import FaultError


async def prove_sound(connection: Connection, names: Names) -> None:
    """Prove that nobody has changed what positions come from, and that nobody else uses the locks of this log.

    Raises:
        FaultError: Positions are not handed out one by one, another log or program uses the same advisory locks.
    """
    cache, cycles, step = await connection.fetchrow(names.sql(_SEQUENCE))
    if (cache, cycles, step) != (1, False, 1):
        raise FaultError(
            where="the sequence twofold_positions",
            code="sequence_changed",
            text="must have CACHE 1, INCREMENT 1 and NO CYCLE",
            hint=names.sql("ALTER SEQUENCE {schema}.twofold_positions CACHE 1 INCREMENT 1 NO CYCLE"),
        )
    for (schema,) in await connection.fetch(_LOGS):
        if schema != names.schema and Names(schema).space == names.space:
            raise FaultError(
                where=f"the schema {names.schema!r}",
                code="keys_shared",
                text=f"has the same advisory locks as that of another log, {schema!r}",
                hint="let one of them have another name",
            )
    await _prove_alone(connection, names)


async def prove_isolation(connection: Connection) -> None:
    """Prove that statements see what was committed before each of them, and not before the first.

    The driver asks for that when it connects. A pooler between may not pass it on.

    Raises:
        FaultError: They do not.
    """
    found = await connection.fetchval("SELECT current_setting('transaction_isolation')")
    if found != "read committed":
        raise FaultError(
            where="the connection to PostgreSQL",
            code="other_isolation",
            text=f"is at {found.upper()}, and must be at READ COMMITTED",
            hint="have the pooler pass default_transaction_isolation on, or the role set to 'read committed'",
        )


async def _prove_alone(connection: Connection, names: Names) -> None:
    ranges = (key >> 48 for key in (names.floor_key, names.draw_key, names.upgrade_key))
    held = await connection.fetch(_HELD, *ranges)
    # In a statement of its own, and later: whoever holds a floor has taken it at or before this head.
    highest = names.floor_key + int(await connection.fetchval(names.sql(_HEAD)))
    for key, mode, pid, program in held:
        own = mode == "ShareLock" and key <= highest if names.floor_key >> 48 == key >> 48 else not key & _LOW
        if not own:
            raise FaultError(
                where=f"the process {pid} of PostgreSQL ({program or 'without a name'})",
                code="keys_used",
                text=f"has the advisory lock {key}, which is one of this log",
                hint="let it use locks of two numbers each: twofold's have one",
            )


_LOW: Final = (1 << 48) - 1
_SEQUENCE: Final = "SELECT seqcache, seqcycle, seqincrement FROM pg_catalog.pg_sequence WHERE seqrelid = {positions}"
_LOGS: Final = (
    "SELECT n.nspname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
    " WHERE c.relname = 'twofold_positions' AND c.relkind = 'S'"
)
_HELD: Final = (
    "SELECT l.classid::bigint << 32 | l.objid::bigint, l.mode, l.pid, a.application_name"
    " FROM pg_catalog.pg_locks AS l LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid"
    " WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.classid::bigint >> 16 IN ($1, $2, $3)"
    " AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())"
)
_HEAD: Final = "SELECT coalesce(pg_sequence_last_value({positions}), 0)"
