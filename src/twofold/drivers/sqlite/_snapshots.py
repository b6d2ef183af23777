"""Snapshots: one row for each stream that has one, written with the unit of work that took it."""

from collections.abc import Sequence
from sqlite3 import Connection
from uuid import UUID

from twofold.drivers.sqlite._guard import own
from twofold.store import Snapshot

TABLE_OF_SNAPSHOTS = (
    """CREATE TABLE twofold_snapshots (
        stream TEXT PRIMARY KEY,
        version INTEGER NOT NULL,
        event_id BLOB NOT NULL,
        schema TEXT NOT NULL,
        state BLOB NOT NULL
    )""",
)
"""What makes their table."""


def find_snapshot(connection: Connection, stream: str) -> Snapshot | None:
    """The newest snapshot of a stream, or None."""
    found = connection.execute(_FIND, (stream,)).fetchone()
    if found is None:
        return None
    version, event_id, schema, state = found
    return Snapshot(stream, version, UUID(bytes=event_id), schema, state)


def keep_snapshots(connection: Connection, snapshots: Sequence[Snapshot]) -> None:
    """Keep snapshots, in the transaction that is open, in place of older ones, but of streams that are closed."""
    rows = [(one.stream, one.version, one.event_id.bytes, one.schema, one.state, one.stream) for one in snapshots]
    connection.executemany(_KEEP, rows)


_FIND = "SELECT version, event_id, schema, state FROM twofold_snapshots WHERE stream = ?"
_KEEP = own(
    "INSERT INTO twofold_snapshots AS old (stream, version, event_id, schema, state) SELECT ?, ?, ?, ?, ?"
    " WHERE NOT EXISTS (SELECT 1 FROM twofold_closings WHERE stream = ?)"
    " ON CONFLICT (stream) DO UPDATE SET version = excluded.version, event_id = excluded.event_id,"
    " schema = excluded.schema, state = excluded.state"
    " WHERE old.schema <> excluded.schema OR old.version < excluded.version"
)
