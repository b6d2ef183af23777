"""Entries of the audit trail, as rows: they come with batches, and with what is done to the store itself."""

from collections.abc import Sequence
from sqlite3 import Connection
from typing import Any, Final

from twofold.clock import MICROSECOND, micros_of
from twofold.drivers.sqlite._insertion import NOTHING, Insertion
from twofold.store import AuditEntry


def audit_row(entry: AuditEntry) -> tuple[Any, ...]:
    """An entry as it is written, but its position."""
    return (
        entry.count,
        entry.message,
        entry.version,
        bytearray(entry.message_id.int.to_bytes(16)),
        entry.correlation_id,
        NOTHING if entry.causation_id is None else entry.causation_id,
        NOTHING if entry.user_id is None else entry.user_id,
        NOTHING if entry.tenant is None else entry.tenant,
        NOTHING if entry.source is None else entry.source,
        entry.payload,
        micros_of(entry.time),
        entry.duration // MICROSECOND,
        entry.outcome,
        entry.code,
    )


def add_entries(connection: Connection, rows: Sequence[tuple[Any, ...]], position: int) -> None:
    """Write entries, in the transaction that is open."""
    ENTRIES.run(connection, [(*row, position) for row in rows])


ENTRIES: Final = Insertion(
    "twofold_audit",
    "count, message, version, message_id, correlation_id, causation_id, user_id, tenant, source, payload, time,"
    " duration, outcome, code, position",
    nullable=("causation_id", "user_id", "tenant", "source"),
)
"""What writes entries, each with the position up to which its command has appended."""
