"""Letting a log go on after an older backup of its schema was restored, in the transaction that is open.

It is for the role that owns the tables, which may set the sequence of positions.
"""

import secrets
from typing import Final

from twofold.drivers.postgres._connection import Connection
from twofold.drivers.postgres._names import Names
from twofold.store import GAP, Epoch


async def begin_epoch(connection: Connection, seen: int, names: Names) -> Epoch:
    """Give the log another name, let its positions go on behind all that anybody may have seen, and join it.

    Args:
        connection: The connection, in a transaction.
        seen: The last position that anybody is known to have seen.
        names: What is called how.
    """
    before: str = await connection.fetchval(names.sql(_BEFORE))  # who does the same waits here
    head, drawn = await connection.fetchrow(names.sql(_END))
    epoch = Epoch(name=secrets.token_hex(16), before=before, head=head, start=max(drawn, seen) + GAP)
    await connection.execute(names.sql(_RENAME), epoch.name)
    await connection.execute(names.sql(_START), str(epoch.start))
    await connection.execute(names.sql(_GO_ON), epoch.start)
    await join_epoch(connection, epoch._replace(head=drawn), names)  # these came with the log
    return epoch


async def join_epoch(connection: Connection, epoch: Epoch, names: Names) -> None:
    """Let the checkpoints of a log follow its new epoch, unless they have seen what was lost."""
    await connection.execute(names.sql(_JOIN), epoch.name, epoch.before, epoch.head)


_BEFORE: Final = "SELECT value FROM {schema}.twofold_meta WHERE name = 'epoch' FOR UPDATE"
# The sequence may be ahead of what was restored: a dump has it as it was when the dump ended, and a replica that was
# promoted as it would be up to 32 positions later. So the log ends at its last event, or where its epoch began.
_END: Final = (
    "SELECT greatest((SELECT max(position) FROM {schema}.twofold_events),"
    " (SELECT value::bigint FROM {schema}.twofold_meta WHERE name = 'epoch_start'), 0),"
    " coalesce(pg_sequence_last_value({positions}), 0)"
)
_RENAME: Final = "UPDATE {schema}.twofold_meta SET value = $1 WHERE name = 'epoch'"
_START: Final = (
    "INSERT INTO {schema}.twofold_meta (name, value) VALUES ('epoch_start', $1)"
    " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
# A position that somebody has drawn and not committed yet stays below: numbers only grow.
_GO_ON: Final = "SELECT setval({positions}, $1)"
_JOIN: Final = (
    "UPDATE {schema}.twofold_checkpoints SET epoch = CASE WHEN position <= $3 THEN $1 ELSE $2 END,"
    " owner = '', token = token + 1 WHERE name IN (SELECT name FROM {schema}.twofold_checkpoints"
    " WHERE epoch = $2 OR (epoch = '' AND position > 0) ORDER BY name FOR UPDATE)"
)
