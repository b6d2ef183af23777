"""The tables and functions of the store, as numbered steps; each schema remembers how many of them it has taken.

The indexes are the least there can be: one by position, one that makes two writers of one version impossible, and one
by tag, which only events with tags pay for.
"""

import re
from importlib.resources import files
from typing import Final

from twofold.drivers.postgres._connection import Connection
from twofold.drivers.postgres._names import Names
from twofold.errors import StoreUnavailable, WiringError

_NUMBERED: Final = re.compile(r"\d{3}_\w+\.sql")


def steps() -> list[str]:
    """The SQL of every step, in order."""
    found = {
        one.name: one
        for one in (files("twofold.drivers.postgres") / "steps").iterdir()
        if _NUMBERED.fullmatch(one.name)
    }
    return [found[name].read_text("utf-8") for name in sorted(found)]


async def upgrade(connection: Connection, names: Names) -> None:
    """Bring the schema up to date; safe when several processes do it at once, and nothing but a look when it is.

    Raises:
        WiringError: The schema was made by a newer twofold, or its sequence hands out positions in advance.
    """
    known = steps()
    if await _taken(connection, names) < len(known):
        await connection.execute("BEGIN")
        try:
            await connection.execute("SET LOCAL lock_timeout = 0")
            await connection.execute("SELECT pg_advisory_xact_lock($1)", names.upgrade_key)
            await connection.execute("SET LOCAL lock_timeout = '1s'")  # others wait behind us for no longer than that
            await _take(connection, names, known)
        except BaseException:
            await connection.execute("ROLLBACK")
            raise
        await connection.execute("COMMIT")
    await prove_current(connection, names)
    cache, cycles = await connection.fetchrow(names.sql(_SEQUENCE))
    if cache != 1 or cycles:
        raise WiringError("the sequence twofold_positions must have CACHE 1 and NO CYCLE")


async def prove_current(connection: Connection, names: Names) -> None:
    """Prove that the schema is up to date, on a connection that need not be able to change it.

    Raises:
        StoreUnavailable: It is older, or not there.
        WiringError: A newer twofold made it.
    """
    known, taken = len(steps()), await _taken(connection, names)
    if taken > known:
        raise WiringError(f"the schema is at step {taken}, and this twofold knows {known}: upgrade twofold")
    if taken < known:
        raise StoreUnavailable(f"the schema is at step {taken} of {known}: a process that writes makes and upgrades it")


async def _take(connection: Connection, names: Names, known: list[str]) -> None:
    if await connection.fetchval("SELECT to_regnamespace($1)::text", names.quoted) is None:
        await connection.execute(names.sql("CREATE SCHEMA {schema}"))
    await connection.execute(names.sql(_META))
    for step in known[await _taken(connection, names) :]:
        await connection.execute(names.sql(step))
    await connection.execute(names.sql(_REMEMBER), str(len(known)))


async def _taken(connection: Connection, names: Names) -> int:
    if await connection.fetchval("SELECT to_regclass($1)::text", f"{names.quoted}.twofold_meta") is None:
        return 0
    return int(await connection.fetchval(names.sql(_TAKEN)) or 0)


_META: Final = (
    'CREATE TABLE IF NOT EXISTS {schema}.twofold_meta (name text COLLATE "C" PRIMARY KEY, value text NOT NULL)'
)
_TAKEN: Final = "SELECT value FROM {schema}.twofold_meta WHERE name = 'schema'"
_REMEMBER: Final = (
    "INSERT INTO {schema}.twofold_meta (name, value) VALUES ('schema', $1)"
    " ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE twofold_meta.value::int < excluded.value::int"
)
_SEQUENCE: Final = "SELECT seqcache, seqcycle FROM pg_catalog.pg_sequence WHERE seqrelid = {positions}"
