"""What became of a commit whose answer never came: asked on a new connection, and only said when it is certain."""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from twofold.drivers.postgres._append import Call
from twofold.drivers.postgres._connection import Connection, Server
from twofold.drivers.postgres._faults import unknown
from twofold.drivers.postgres._names import Names
from twofold.errors import StoreUnavailable
from twofold.store import Committed


async def look(
    server: Server, names: Names, calls: Sequence[Call], lost: Connection, pid: int, cause: Exception
) -> list[Committed | Exception]:
    """Find the events of calls whose connection was lost.

    Args:
        server: The database.
        names: What is called how.
        calls: What was sent, in one transaction.
        lost: The connection that it was sent on.
        pid: The process of the server that served it.
        cause: How it was lost.

    Returns:
        For each call what it has written; `StoreUnavailable` when it was not carried out, and never will be, and
        `OutcomeUnknown` when that cannot be found out.
    """
    sent = [(append.stream, draft.id) for call in calls for append in call.batch.appends for draft in append.events]
    if not sent or not all(append.events for call in calls for append in call.batch.appends):
        return [unknown(cause) for _ in calls]
    try:
        connection = await server.connect()
        try:
            # First the end of the server's process, whichever it is; then what it has left.
            alive = await connection.fetchval(_END, pid, lost.born, _PATIENCE)
            streams, ids = zip(*sent, strict=True)
            found = {row["id"]: row for row in await connection.fetch(names.sql(_FIND), streams, ids)}
        finally:
            await connection.close(timeout=1)
    except Exception as error:  # noqa: BLE001  # it is told with each outcome
        cause.add_note(f"what was written cannot be looked up: {error}")
        return [unknown(cause) for _ in calls]
    missing = unknown if alive or lost.born is None else _not_written
    return [_of(call, found) or missing(cause) for call in calls]


def _of(call: Call, found: Mapping[UUID, Any]) -> Committed | None:
    """What is found of a call, in the order of its events."""
    ids = [draft.id for append in call.batch.appends for draft in append.events]
    rows = sorted((found[id_] for id_ in ids if id_ in found), key=itemgetter("position"))
    return Committed(rows[-1]["position"], {row["stream"]: row["version"] for row in rows}) if rows else None


def _not_written(cause: Exception) -> StoreUnavailable:
    error = StoreUnavailable(f"the connection to PostgreSQL was lost, and nothing was written: {cause}")
    error.__cause__ = cause
    return error


_PATIENCE: Final = 2000
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
