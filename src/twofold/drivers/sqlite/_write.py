"""Writing a batch: encoded by the caller beforehand, and run in the writer's thread, perhaps more than once."""

from collections.abc import Sequence
from dataclasses import dataclass
from sqlite3 import Connection
from typing import Any, TypeAlias

from twofold.drivers.sqlite._audit import add_entries, audit_row
from twofold.drivers.sqlite._checkpoints import move
from twofold.drivers.sqlite._closings import version_of
from twofold.drivers.sqlite._guard import GuardedConnection, own
from twofold.drivers.sqlite._log import behind, head
from twofold.drivers.sqlite._parked import free, park
from twofold.drivers.sqlite._replies import keep, keep_received
from twofold.drivers.sqlite._snapshots import keep_snapshots
from twofold.drivers.sqlite._tables import change_rows
from twofold.drivers.sqlite._time import EPOCH, MICROSECOND
from twofold.drivers.sqlite._where import any_of
from twofold.errors import ConditionFailed, VersionConflict
from twofold.store import ANY_VERSION, Append, Batch, Committed, Condition, Draft, Remainder, json_text

_Row: TypeAlias = tuple[bytes, str, int, bytes, str, int, str]
_Append: TypeAlias = tuple[str, int, Sequence[_Row], Sequence[tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Plan:
    """A batch with its events encoded; calling it writes it inside the transaction that is open."""

    appends: Sequence[_Append]
    batch: Batch
    audit: Sequence[tuple[Any, ...]]

    def __call__(self, connection: GuardedConnection) -> Committed:
        position = 0
        versions: dict[str, int] = {}
        batch = self.batch
        for condition in batch.conditions:
            hold(connection, condition)
        for stream, expected, events, tags in self.appends:
            version = _version(connection, stream, expected)
            versions[stream] = version + len(events)
            position = _insert(connection, stream, version, events) or position
            if tags:
                _tag(connection, position - len(events), tags)
        for one in batch.moves:
            move(connection, one)
        if batch.rows:
            change_rows(connection, batch.rows)
        if batch.parks:
            park(connection, batch.parks)
        if batch.frees:
            free(connection, batch.frees)
        if batch.reply:
            keep(connection, batch.reply, position)
        if batch.received:
            keep_received(connection, batch.received, position)
        if batch.snapshots:
            keep_snapshots(connection, batch.snapshots)
        if self.audit:
            add_entries(connection, self.audit, position)
        return Committed(position, versions)


def plan(batch: Batch) -> Plan:
    """Encode what a batch writes."""
    return Plan([_append(item) for item in batch.appends], batch, [audit_row(entry) for entry in batch.audit])


def _append(item: Append) -> _Append:
    tags = [draft.tags for draft in item.events] if any(draft.tags for draft in item.events) else ()
    return item.stream, item.expected, [_row(draft) for draft in item.events], tags


def hold(connection: Connection, condition: Condition) -> None:
    """Check what must not have happened, in the transaction that is open.

    Raises:
        ConditionFailed: It has.
    """
    where, values = any_of(condition.selections)
    if condition.seen:
        where, values = f"{where} AND {_UNSEEN}", [*values, json_text([*condition.seen])]
    found = connection.execute(_FIRST_AFTER.format(where), (condition.after, *values)).fetchone()
    if found:
        raise ConditionFailed(after=condition.after, position=found[0])


def settle(connection: GuardedConnection, remainder: Remainder) -> None:
    """Deal with what is left of the log, in the transaction that is open: it is the only one that writes.

    Raises:
        ConditionFailed: It is more than may be.
    """
    until = head(connection)
    events = () if remainder.where is None else behind(connection, remainder.after, remainder.where, remainder.most + 1)
    plan(remainder.settled(events, until))(connection)


def _version(connection: Connection, stream: str, expected: int) -> int:
    found = version_of(connection, stream)
    if expected not in (ANY_VERSION, found):
        raise VersionConflict(stream=stream, expected=expected, actual=found)
    return found


def _insert(connection: Connection, stream: str, version: int, events: Sequence[_Row]) -> int:
    if len(events) == 1:
        return connection.execute(_INSERT, (stream, version + 1, *events[0])).lastrowid or 0
    if not events:
        return 0
    connection.executemany(_INSERT, [(stream, v, *event) for v, event in enumerate(events, version + 1)])
    return int(connection.execute("SELECT last_insert_rowid()").fetchone()[0])


def _tag(connection: Connection, before: int, tags: Sequence[tuple[str, ...]]) -> None:
    # The events of one append have positions without holes: there is one writer.
    rows = [(tag, position) for position, its in enumerate(tags, before + 1) for tag in dict.fromkeys(its)]
    connection.executemany(_TAG, rows)


def _row(draft: Draft) -> _Row:
    return (
        draft.id.bytes,
        draft.type,
        draft.schema_version,
        draft.data,
        json_text(dict(draft.headers)) if draft.headers else "{}",
        (draft.time - EPOCH) // MICROSECOND,
        json_text(draft.tags) if draft.tags else "[]",
    )


_INSERT = own(
    "INSERT INTO twofold_events (stream, version, id, type, schema_version, data, headers, time, tags)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_TAG = own("INSERT INTO twofold_tags (tag, position) VALUES (?, ?)")
_UNSEEN = "position NOT IN (SELECT value FROM json_each(?))"
_FIRST_AFTER = "SELECT position FROM twofold_events WHERE position > ? AND {} ORDER BY position LIMIT 1"
