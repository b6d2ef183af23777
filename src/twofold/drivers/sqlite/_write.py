"""Writing a batch: encoded by the caller beforehand, and run in the writer's thread, perhaps more than once."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from sqlite3 import Connection
from typing import TypeAlias

from twofold.drivers.sqlite._tables import change_rows
from twofold.errors import Conflict, VersionConflict
from twofold.store import ANY_VERSION, Batch, Committed, Draft, Move, RowChange

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

_Row: TypeAlias = tuple[bytes, str, int, bytes, str, int, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """A batch with its events encoded; calling it writes it inside the transaction that is open."""

    appends: Sequence[tuple[str, int, Sequence[_Row]]]
    rows: Sequence[RowChange]
    moves: Sequence[Move]

    def __call__(self, connection: Connection) -> Committed:
        position = 0
        versions = dict[str, int]()
        for stream, expected, events in self.appends:
            version = _version(connection, stream, expected)
            versions[stream] = version + len(events)
            position = _insert(connection, stream, version, events) or position
        for move in self.moves:
            _move(connection, move)
        if self.rows:
            change_rows(connection, self.rows)
        return Committed(position, versions)


def plan(batch: Batch) -> Plan:
    """Encode what a batch writes."""
    appends = [(item.stream, item.expected, [_row(draft) for draft in item.events]) for item in batch.appends]
    return Plan(appends, batch.rows, batch.moves)


def _version(connection: Connection, stream: str, expected: int) -> int:
    found = connection.execute(_VERSION, (stream,)).fetchone()[0] or 0
    if expected not in (ANY_VERSION, found):
        raise VersionConflict(stream=stream, expected=expected, actual=found)
    return int(found)


def _insert(connection: Connection, stream: str, version: int, events: Sequence[_Row]) -> int:
    if len(events) == 1:
        return connection.execute(_INSERT, (stream, version + 1, *events[0])).lastrowid or 0
    if not events:
        return 0
    connection.executemany(_INSERT, [(stream, v, *event) for v, event in enumerate(events, version + 1)])
    return int(connection.execute("SELECT last_insert_rowid()").fetchone()[0])


def _move(connection: Connection, move: Move) -> None:
    moved = connection.execute(_MOVE, (move.position, move.name, move.expected)).rowcount
    if not moved and move.expected == 0:
        moved = connection.execute(_PLACE, (move.name, move.position)).rowcount
    if not moved:
        stands = checkpoint(connection, move.name)
        raise Conflict(f"checkpoint {move.name!r} stands at {stands}, not at {move.expected}: another owner moved it")


def checkpoint(connection: Connection, name: str) -> int:
    """Where a checkpoint stands; 0 for one that nobody has moved yet."""
    found = connection.execute(_STANDS, (name,)).fetchone()
    return int(found[0]) if found else 0


def _row(draft: Draft) -> _Row:
    return (
        draft.id.bytes,
        draft.type,
        draft.schema_version,
        draft.data,
        _json(dict(draft.headers)) if draft.headers else "{}",
        (draft.time - EPOCH) // MICROSECOND,
        _json(draft.tags) if draft.tags else "[]",
    )


_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

_VERSION = "SELECT max(version) FROM twofold_events WHERE stream = ?"
_INSERT = (
    "INSERT INTO twofold_events (stream, version, id, type, schema_version, data, headers, time, tags)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_MOVE = "UPDATE twofold_checkpoints SET position = ? WHERE name = ? AND position = ?"
_PLACE = "INSERT INTO twofold_checkpoints (name, position) VALUES (?, ?) ON CONFLICT DO NOTHING"
_STANDS = "SELECT position FROM twofold_checkpoints WHERE name = ?"
