"""What became of a commit whose answer never came: asked on a new connection, and only said when it is certain."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, Final, TypeAlias
from uuid import UUID

from twofold.clock import MICROSECOND
from twofold.drivers.postgres._append import Call
from twofold.drivers.postgres._connection import Connection, Server
from twofold.drivers.postgres._faults import unknown
from twofold.drivers.postgres._names import Names
from twofold.errors import StoreUnavailable
from twofold.store import AuditEntry, Batch, Committed

_Entry: TypeAlias = tuple[UUID, str, datetime, int]


async def look(
    server: Server,
    names: Names,
    calls: Sequence[Call],
    lost: Connection,
    pid: int,
    cause: Exception,
    *,
    held: bool = False,
) -> list[Committed | Exception]:
    """Find the events of calls whose connection was lost, or the entries of those that are nothing but entries.

    Args:
        server: The database.
        names: What is called how.
        calls: What was sent, in one transaction.
        lost: The connection that it was sent on.
        pid: The process of the server that served it.
        cause: How it was lost.
        held: Whether more was done in their transaction: of that, entries alone prove nothing.

    Returns:
        For each call what it has written; `StoreUnavailable` when it was not carried out, and never will be, and
        `OutcomeUnknown` when that cannot be found out.
    """
    if not all(_leaves_a_trace(call.batch, held=held) for call in calls):
        return [unknown(cause) for _ in calls]
    try:
        connection = await server.connect()
        try:
            # First the end of the server's process, whichever it is; then what it has left.
            alive = await connection.fetchval(_END, pid, lost.born, _PATIENCE)
            found = await _events(connection, names, calls)
            entries = await _entries(connection, names, calls)
        finally:
            await connection.close(timeout=1)
    except Exception as error:  # noqa: BLE001  # it is told with each outcome
        cause.add_note(f"what was written cannot be looked up: {error}")
        return [unknown(cause) for _ in calls]
    missing = unknown if alive or lost.born is None else _not_written
    return [_of(call, found, entries) or missing(cause) for call in calls]


def _leaves_a_trace(batch: Batch, *, held: bool) -> bool:
    """Whether it can be found out that a batch was written: by its events, or by entries when there is nothing else."""
    if not batch.appends:
        return not held and bool(batch.audit) and batch == Batch(audit=batch.audit)
    return all(append.events for append in batch.appends)


async def _events(connection: Connection, names: Names, calls: Sequence[Call]) -> Mapping[UUID, Any]:
    sent = [(append.stream, draft.id) for call in calls for append in call.batch.appends for draft in append.events]
    if not sent:
        return {}
    streams, ids = zip(*sent, strict=True)
    return {row["id"]: row for row in await connection.fetch(names.sql(_FIND), streams, ids)}


async def _entries(connection: Connection, names: Names, calls: Sequence[Call]) -> set[_Entry]:
    """Entries that are in the trail; only looked for where there are no events."""
    sent = [_told(entry) for call in calls if not call.batch.appends for entry in call.batch.audit]
    if not sent:
        return set()
    columns = [*zip(*sent, strict=True)]
    sealed = await connection.fetchval(names.sql(_SEALED), min(time for _, _, time, _ in sent) - _SKEW)
    rows = await connection.fetch(names.sql(_FIND_ENTRIES), sealed or 0, *columns, timeout=_LONGEST)
    return {tuple(row) for row in rows}


def _told(entry: AuditEntry) -> _Entry:
    """What tells an entry from others of its message."""
    return entry.message_id, entry.outcome, entry.time, entry.duration // MICROSECOND


def _of(call: Call, found: Mapping[UUID, Any], entries: set[_Entry]) -> Committed | None:
    """What is found of a call, in the order of its events."""
    if not call.batch.appends:
        return Committed() if entries.issuperset(map(_told, call.batch.audit)) else None
    ids = [draft.id for append in call.batch.appends for draft in append.events]
    rows = sorted((found[id_] for id_ in ids if id_ in found), key=itemgetter("position"))
    return Committed(rows[-1]["position"], {row["stream"]: row["version"] for row in rows}) if rows else None


def _not_written(cause: Exception) -> StoreUnavailable:
    error = StoreUnavailable(f"the connection to PostgreSQL was lost, and nothing was written: {cause}")
    error.__cause__ = cause
    return error


_PATIENCE: Final = 2000
_LONGEST: Final = 10.0
_SKEW: Final = timedelta(minutes=10)
"""By how much the clock of whoever seals may be behind that of whoever writes."""
# In a list of results, behind a fence: as a condition it might be asked of every process there is.
_END: Final = (
    "SELECT count(*) FILTER (WHERE NOT ended) FROM ("
    "SELECT pg_terminate_backend(pid, $3) AS ended FROM pg_catalog.pg_stat_activity"
    " WHERE pid = $1 AND backend_start = $2 OFFSET 0) AS sought"
)
_FIND: Final = (
    "SELECT e.id, e.stream, e.version, e.position FROM {schema}.twofold_events AS e"
    " JOIN unnest($1::text[], $2::uuid[]) AS sent (stream, id) ON e.stream = sent.stream AND e.id = sent.id"
)
# No index leads to the id of a message. What was sealed before an entry was made is final, and has lower numbers. There
# are two statements, so that the second is planned for the number: it reads the end of the trail, and not all of it.
_SEALED: Final = "SELECT last FROM {schema}.twofold_audit_blocks WHERE time < $1 ORDER BY number DESC LIMIT 1"
_FIND_ENTRIES: Final = (
    "SELECT a.message_id, a.outcome, a.time, a.duration FROM {schema}.twofold_audit AS a"
    " JOIN unnest($2::uuid[], $3::text[], $4::timestamptz[], $5::bigint[]) AS sent"
    " (message_id, outcome, time, duration) USING (message_id, outcome, time, duration) WHERE a.number > $1"
)
