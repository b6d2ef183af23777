"""What became of a commit whose answer never came: asked on a new connection, and only said when it is certain."""

from typing import Final

from twofold.drivers.postgres._append import Call
from twofold.drivers.postgres._connection import Connection, Server
from twofold.drivers.postgres._faults import unknown
from twofold.drivers.postgres._names import Names
from twofold.errors import StoreUnavailable
from twofold.store import Committed


async def look(server: Server, names: Names, call: Call, lost: Connection, pid: int, cause: Exception) -> Committed:
    """Find the events of a call whose connection was lost.

    Args:
        server: The database.
        names: What is called how.
        call: What was sent.
        lost: The connection that it was sent on.
        pid: The process of the server that served it.
        cause: How it was lost.

    Raises:
        StoreUnavailable: The call was not carried out, and never will be.
        OutcomeUnknown: That cannot be found out.
    """
    wanted = [(append.stream, draft.id) for append in call.batch.appends for draft in append.events]
    if not wanted or not all(append.events for append in call.batch.appends):
        raise unknown(cause)
    try:
        connection = await server.connect()
        try:
            # First the end of the server's process, whichever it is; then what it has left.
            alive = await connection.fetchval(_END, pid, lost.born, _PATIENCE)
            streams, ids = zip(*wanted, strict=True)
            found = await connection.fetch(names.sql(_FIND), streams, ids)
        finally:
            await connection.close(timeout=1)
    except Exception as error:
        raise unknown(cause) from error
    if found:
        versions = {stream: version for stream, version, _ in found}
        return Committed(max(position for _, _, position in found), versions)
    if alive or lost.born is None:
        raise unknown(cause)
    raise StoreUnavailable(f"the connection to PostgreSQL was lost, and nothing was written: {cause}") from cause


_PATIENCE: Final = 2000
# In a list of results, behind a fence: as a condition it might be asked of every process there is.
_END: Final = (
    "SELECT count(*) FILTER (WHERE NOT ended) FROM ("
    "SELECT pg_terminate_backend(pid, $3) AS ended FROM pg_catalog.pg_stat_activity"
    " WHERE pid = $1 AND backend_start = $2 OFFSET 0) AS sought"
)
_FIND: Final = (
    "SELECT e.stream, max(e.version), max(e.position) FROM {schema}.twofold_events AS e"
    " JOIN unnest($1::text[], $2::uuid[]) AS sent (stream, id) ON e.stream = sent.stream AND e.id = sent.id"
    " GROUP BY e.stream"
)
