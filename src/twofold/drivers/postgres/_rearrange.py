"""Letting tables and checkpoints come, go and change their names, in the transaction that is open.

Behind a lock of their own, rearrangements take locks in the order of every commit: tables, conditions, checkpoints. So
nobody waits in a circle. Views come before their tables, as when they are refreshed: a view means a table and not its
name, so those that twofold knows are dropped and made anew. What is left of the log is read under the lock that
excludes every append.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final, TypeAlias

import asyncpg

from twofold.drivers.postgres._append import Calls
from twofold.drivers.postgres._connection import Connection
from twofold.drivers.postgres._home import at_home, home_of
from twofold.drivers.postgres._log import read
from twofold.drivers.postgres._names import Names
from twofold.drivers.postgres._tables import add_tables, change_rows
from twofold.errors import CheckpointMoved, Hinted, StoreUnavailable, WiringError
from twofold.store import Batch, Rearrangement, Remainder

Users: TypeAlias = Mapping[str, Sequence[int]]
"""Tables, with the processes of PostgreSQL that use them."""


class TablesInUse(Hinted, StoreUnavailable):
    """Tables are in use all the time, so that none can take their place."""

    code: ClassVar[str] = StoreUnavailable.code


async def patiently(rearranged: Callable[[], Awaitable[None]], used: Callable[[], Awaitable[Users]]) -> None:
    """Rearrange as often as it takes: one that waits for those who use its tables lets nobody pass, so it gives way.

    Args:
        rearranged: Rearranges once.
        used: Tells which of its tables are in use, and by whom.

    Raises:
        StoreUnavailable: The tables were in use all the time.
    """
    for tries_left in reversed(range(_TRIES)):
        try:
            await rearranged()
        except StoreUnavailable as error:
            if not isinstance(error.__cause__, asyncpg.LockNotAvailableError):
                raise
            if not tries_left:
                raise _in_use(await used()) from error.__cause__
        else:
            return
        await asyncio.sleep(_PAUSE)


async def users_of(connection: Connection, change: Rearrangement) -> Users:
    """Which tables of a rearrangement are in use, with the processes of PostgreSQL that use them.

    Args:
        connection: The connection.
        change: What could not be done.
    """
    home, names = await home_of(connection), [*_involved(change), *(view.name for view in change.views)]
    rows = await connection.fetch(_USERS, [_quoted(name, home) for name in names])
    return {row["used"]: row["pids"] for row in rows}


def _in_use(users: Users) -> TablesInUse:
    again = "try it again; nothing was changed"
    if not users:
        return TablesInUse("what it changes was in use all the time", hint=again)
    pids = ", ".join(map(str, sorted({pid for own in users.values() for pid in own})))
    text = f"somebody uses {', '.join(sorted(users))} all the time, so nothing can take the place"
    return TablesInUse(text, hint=f"end the long transaction (pid {pids} in pg_stat_activity), or {again}")


async def rearrange(connection: Connection, change: Rearrangement, names: Names, calls: Calls) -> None:
    """Do what a rearrangement says.

    Args:
        connection: The connection, in a transaction.
        change: What to do.
        names: What is called how.
        calls: What makes calls of batches.

    Raises:
        CheckpointMoved: A checkpoint is not as it must be.
        ConditionFailed: More is left of the log than may be.
        WiringError: A table that is to be renamed, or a view over one, is used from outside.
    """
    await connection.execute(names.sql(_ONE_AT_A_TIME))  # so the names mean the same tables until we are done
    # Whoever reads one of the tables waits behind us, and we behind those who read it already: not for long.
    await connection.execute(f"SET LOCAL lock_timeout = {_PATIENCE}")
    home = await home_of(connection)
    views = await _make_way(connection, change, home)
    await _check(connection, change, names, calls)
    if change.drops:
        await connection.execute(f"DROP TABLE IF EXISTS {_listed(change.drops, home)}")
    if change.forgets:
        await connection.execute(names.sql(_FORGET), list(change.forgets))
        await connection.execute(names.sql(_FORGET_PARKED), list(change.forgets))
    for old, new in change.renames:
        bare = _quoted(new.rpartition(".")[2])
        await connection.execute(f"ALTER TABLE IF EXISTS {_quoted(old, home)} RENAME TO {bare}")
    if views:
        await add_tables(connection, views, names)
    for old, new in change.checkpoints:
        await connection.execute(names.sql(_RENAME), old, new, list(change.tables))
        await connection.execute(names.sql(_RENAME_PARKED), old, new)
    if change.creates:
        await add_tables(connection, change.creates, names)
    for place in change.places:
        row = place.name, place.position, place.epoch, place.version, list(place.tables)
        if await connection.fetchval(names.sql(_PLACE), *row) is None:
            raise CheckpointMoved(name=place.name, text="is there already")


async def _make_way(connection: Connection, change: Rearrangement, home: str) -> list[Any]:
    """Drop the views over the tables, and lock the tables; gives the views that were there."""
    views = await _there(connection, [view.name for view in change.views], home)
    tables = await _there(connection, _involved(change), home)
    steps: list[str] = []
    if views:
        await _prove_unused(connection, views, home)
        steps.append(f"DROP MATERIALIZED VIEW {_listed(reversed(views), home)}")
    if tables:
        steps.append(f"LOCK TABLE {_listed(tables, home)} IN ACCESS EXCLUSIVE MODE")
    if steps:
        await connection.execute("; ".join(steps))  # at once: whoever reads both comes before them, or behind
        await _prove_unused(connection, tables, home)
    return [view for view in change.views if view.name in views]


def _involved(change: Rearrangement) -> list[str]:
    return sorted({*change.drops, *(name for pair in change.renames for name in pair)})


async def _there(connection: Connection, names: Sequence[str], home: str) -> list[str]:
    found = await connection.fetch(_ARE_THERE, [_quoted(name, home) for name in names])
    return [names[int(row["nth"]) - 1] for row in found]


async def _prove_unused(connection: Connection, names: Sequence[str], home: str) -> None:
    used = await connection.fetchrow(_USED, [_quoted(name, home) for name in names])
    if used is not None:
        kind, user, table = used
        remedy = "drop the foreign key" if kind == "table" else f"DROP {kind.upper()} {user}, and create it again after"
        raise WiringError(f"{kind} {user} uses {table}, which others take the place of: {remedy}")


async def _check(connection: Connection, change: Rearrangement, names: Names, calls: Calls) -> None:
    if change.remainder is not None:
        await connection.execute(names.sql(_NO_APPENDS))
    renamed = (name for pair in change.checkpoints for name in pair)
    concerned = sorted({*change.versions, *renamed, *change.forgets})
    await connection.execute(names.sql(_ALONE), concerned)
    found = {row["name"]: row["version"] for row in await connection.fetch(names.sql(_VERSIONS), concerned)}
    for name, version in change.versions.items():
        if found.get(name, 0) != version:
            raise CheckpointMoved(name=name, text=f"has version {found.get(name, 0)}, not {version}")
    if change.remainder is not None:
        rest = await _rest(connection, change.remainder, names)
        if rest.rows:
            await change_rows(connection, rest.rows)
        await calls.of(rest._replace(rows=())).send(connection)
    for first, second in change.ahead:
        if await connection.fetchval(names.sql(_BEHIND), first, second):
            raise CheckpointMoved(name=first, text=f"stands behind {second!r}")


async def _rest(connection: Connection, remainder: Remainder, names: Names) -> Batch:
    """What deals with what is left of the log; whoever has drawn a position has committed, or never will."""
    until = await connection.fetchval(names.sql(_HEAD))
    after, where, limit = remainder.after, remainder.where, remainder.most + 1
    events = () if where is None else await read(connection, names, after, until, limit, [where])
    return remainder.settled(events, until)


def _listed(names: Iterable[str], home: str) -> str:
    return ", ".join(_quoted(name, home) for name in names)


def _quoted(name: str, home: str = "") -> str:
    schema, _, bare = name.rpartition(".")
    parts = [part.replace('"', '""') for part in (schema, bare) if part]
    return at_home(".".join(f'"{part}"' for part in parts), home, schema or None)


_TRIES = 10
_PAUSE = 0.1
_PATIENCE: Final = 900
"""How long to wait for a lock, in milliseconds: less than what PostgreSQL waits before it fails one of a circle."""
_ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock({schema}.twofold_key('rearranging'))"
# Looking into the catalog itself has the session notice first what others have renamed.
_ARE_THERE: Final = (
    "SELECT nth FROM unnest($1::text[]) WITH ORDINALITY AS involved (name, nth)"
    " JOIN pg_catalog.pg_class AS found ON found.oid = to_regclass(name) ORDER BY nth"
)
_USED: Final = """
    WITH own AS (SELECT to_regclass(name) AS oid FROM unnest($1::text[]) AS name)
    SELECT 'table', conrelid::regclass::text, confrelid::regclass::text FROM pg_catalog.pg_constraint
    WHERE contype = 'f' AND confrelid IN (SELECT oid FROM own) AND conrelid NOT IN (SELECT oid FROM own)
    UNION ALL
    SELECT CASE relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END, ev_class::regclass::text,
        use.refobjid::regclass::text
    FROM pg_catalog.pg_depend AS use JOIN pg_catalog.pg_rewrite AS rule ON rule.oid = use.objid
    JOIN pg_catalog.pg_class AS viewing ON viewing.oid = rule.ev_class
    WHERE use.classid = 'pg_catalog.pg_rewrite'::regclass AND use.refclassid = 'pg_catalog.pg_class'::regclass
    AND use.refobjid IN (SELECT oid FROM own) AND rule.ev_class NOT IN (SELECT oid FROM own)
    LIMIT 1
"""
_USERS: Final = """
    SELECT relation::regclass::text AS used, array_agg(DISTINCT pid) AS pids FROM pg_catalog.pg_locks
    WHERE granted AND pid <> pg_backend_pid() AND relation IN (SELECT to_regclass(name) FROM unnest($1::text[]) AS name)
    AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
    GROUP BY relation
"""
_NO_APPENDS: Final = "SELECT pg_advisory_xact_lock({keys})"
_HEAD: Final = "SELECT coalesce(pg_sequence_last_value({positions}), 0)"
_ALONE: Final = (
    "SELECT pg_advisory_xact_lock({schema}.twofold_key('checkpoint ' || name))"
    ' FROM (SELECT name FROM unnest($1::text[]) AS name ORDER BY name COLLATE "C" OFFSET 0) AS names'
)
_VERSIONS: Final = (
    "SELECT name, version FROM {schema}.twofold_checkpoints WHERE name = ANY ($1) ORDER BY name FOR UPDATE"
)
_BEHIND: Final = (
    "SELECT first.position < second.position"
    " FROM {schema}.twofold_checkpoints AS first, {schema}.twofold_checkpoints AS second"
    " WHERE first.name = $1 AND second.name = $2"
)
_FORGET: Final = "DELETE FROM {schema}.twofold_checkpoints WHERE name = ANY ($1)"
_FORGET_PARKED: Final = "DELETE FROM {schema}.twofold_parked WHERE subscription = ANY ($1)"
_RENAME: Final = (
    "UPDATE {schema}.twofold_checkpoints SET name = $2, owner = '', tables = $3,"
    " token = (SELECT max(token) + 1 FROM {schema}.twofold_checkpoints) WHERE name = $1"
)
_RENAME_PARKED: Final = "UPDATE {schema}.twofold_parked SET subscription = $2 WHERE subscription = $1"
_PLACE: Final = (
    "INSERT INTO {schema}.twofold_checkpoints (name, position, epoch, version, tables) VALUES ($1, $2, $3, $4, $5)"
    " ON CONFLICT DO NOTHING RETURNING name"
)
