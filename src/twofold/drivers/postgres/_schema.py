"""The tables and functions of the store, as numbered steps; each schema remembers how many of them it has taken.

The indexes are the least there can be: one by position, one that makes two writers of one version impossible, and one
by tag, which only events with tags pay for.
"""

import re
from importlib.resources import files
from typing import Final

from twofold.drivers.postgres._connection import Connection
from twofold.drivers.postgres._names import Names
from twofold.drivers.postgres._ordering import Ordering
from twofold.errors import StoreUnavailable
from twofold.store import SchemaState

_NUMBERED: Final = re.compile(r"\d{3}_\w+\.sql")


def steps() -> list[str]:
    """The SQL of every step, in order."""
    found = {
        one.name: one
        for one in (files("twofold.drivers.postgres") / "steps").iterdir()
        if _NUMBERED.fullmatch(one.name)
    }
    return [found[name].read_text("utf-8") for name in sorted(found)]


async def upgrade(connection: Connection, names: Names, ordering: Ordering | None = None) -> SchemaState:
    """Bring the schema up to date; safe when several processes do it at once, and nothing but a look when it is.

    Args:
        connection: A connection of a role that may change it.
        names: What is called how.
        ordering: How a log that is new orders its commits.

    Returns:
        How far it was.

    Raises:
        WiringError: The schema was made by a newer twofold.
    """
    found = await state(connection, names)
    if found.behind:
        await connection.execute("BEGIN")
        try:
            await connection.execute("SET LOCAL lock_timeout = 0")
            await connection.execute("SELECT pg_advisory_xact_lock($1)", names.upgrade_key)
            await connection.execute("SET LOCAL lock_timeout = '1s'")  # others wait behind us for no longer than that
            found = await state(connection, names)
            if found.behind:
                await connection.execute(upgrade_sql(names, found.taken, ordering))
        except BaseException:
            await connection.execute("ROLLBACK")
            raise
        await connection.execute("COMMIT")
    found.refuse_newer()
    return found


def upgrade_sql(names: Names, since: int, ordering: Ordering | None = None) -> str:
    """What `upgrade` runs on a schema that has taken so many steps: one statement, harmless when run again.

    Raises:
        WiringError: There is no such step.
    """
    known = steps()
    SchemaState(taken=since, known=len(known)).prove_step(since)
    if since == len(known):
        return ""
    frame = _FRAME.replace("{since}", str(since)).replace("{known}", str(len(known)))
    wanted = known[since:]
    if not since and ordering is not None:
        wanted.append(f"PERFORM {{schema}}.twofold_order('{ordering}');\n")
    return names.sql(frame.replace("{steps}", "\n".join(wanted)))


async def prove_current(connection: Connection, names: Names) -> None:
    """Prove that the schema is up to date, on a connection that need not be able to change it.

    Raises:
        StoreUnavailable: It is older, or not there.
        WiringError: A newer twofold made it.
    """
    found = await state(connection, names)
    found.refuse_newer()
    if found.behind:
        raise StoreUnavailable(
            f"the schema is at step {found.taken} of {found.known}: a process that writes makes and upgrades it"
        )


async def state(connection: Connection, names: Names) -> SchemaState:
    """How far the schema is."""
    taken = await connection.fetchval(names.sql(_TAKEN)) if await connection.fetchval(names.sql(_MADE)) else 0
    return SchemaState(taken=int(taken or 0), known=len(steps()))


# Asked of the catalog itself: to_regclass may answer from a cache, as it was before we waited for a lock.
_MADE: Final = (
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
    " WHERE n.nspname = {named} AND c.relname = 'twofold_meta')"
)
_TAKEN: Final = "SELECT value FROM {schema}.twofold_meta WHERE name = 'schema'"

# A block is one statement: all or nothing, whoever runs it in whatever way, also inside of a migration of others.
_FRAME: Final = """\
DO $twofold$
DECLARE
    twofold_taken integer;
BEGIN

PERFORM pg_advisory_xact_lock({upgrade});
IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = {named}) THEN
    CREATE SCHEMA {schema};
END IF;
CREATE TABLE IF NOT EXISTS {schema}.twofold_meta (name text COLLATE "C" PRIMARY KEY, value text NOT NULL);
SELECT max(value::integer) INTO twofold_taken FROM {schema}.twofold_meta WHERE name = 'schema';
twofold_taken := coalesce(twofold_taken, 0);
IF twofold_taken >= {known} THEN
    RETURN;
ELSIF twofold_taken <> {since} THEN
    RAISE EXCEPTION 'the schema is at step %, and this is for one at step {since}', twofold_taken;
END IF;

{steps}
INSERT INTO {schema}.twofold_meta (name, value) VALUES ('schema', '{known}')
    ON CONFLICT (name) DO UPDATE SET value = excluded.value;

END
$twofold$;
"""
