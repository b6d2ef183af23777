"""Appending to the log: what one unit of work does."""

from collections.abc import Sequence
from operator import itemgetter
from sqlite3 import Connection, IntegrityError
from typing import Any, Final, TypeAlias

from twofold.clock import micros_of
from twofold.drivers.sqlite._closings import version_of
from twofold.drivers.sqlite._entries import audit_row
from twofold.drivers.sqlite._insertion import Insertion
from twofold.errors import StreamClosed, VersionConflict
from twofold.store import ANY_VERSION, Append, Batch, Committed, Draft, json_text

Refused: TypeAlias = VersionConflict | StreamClosed
_Row: TypeAlias = tuple[bytearray, str, int, bytearray, str, int, str]
_Tags: TypeAlias = Sequence[tuple[str, ...]]
_Append: TypeAlias = tuple[str, int, Sequence[_Row], _Tags]
"""A stream with its name, the version expected, its events, and their tags where one has any."""

Appending: TypeAlias = tuple[Sequence[_Append], Sequence[tuple[Any, ...]]]
"""What one unit of work appends, encoded: streams, and entries of the audit trail without their position."""


def encode(batch: Batch) -> Appending:
    """What a batch appends."""
    return [*map(_append, batch.appends)], [*map(audit_row, batch.audit)]


def append(connection: Connection, streams: Sequence[_Append]) -> Committed:
    """Append what one unit does, inside the transaction that is open.

    Raises:
        VersionConflict: A stream is not where an append expects it.
        StreamClosed: A stream is closed for good.
    """
    position = 0
    versions: dict[str, int] = {}
    for stream, expected, events, tags in streams:
        if there := _follow(connection, stream, expected, events):
            found, position = expected, there
        else:
            found = version_of(connection, stream)
            if (refusal := refused(stream, expected, found)) is not None:
                raise refusal
            rows = [(stream, version, *event) for version, event in enumerate(events, found + 1)]
            position = EVENTS.run(connection, rows) or position
        versions[stream] = found + len(events)
        if tags:
            _tag(connection, position - len(events), tags)
    return Committed(position, versions)


def _follow(connection: Connection, stream: str, expected: int, events: Sequence[_Row]) -> int:
    """Append one event by a statement that proves its version; its position, 0 where the version is to be asked for."""
    if expected == ANY_VERSION or len(events) != 1:
        return 0
    row = (stream, expected + 1, *events[0])
    try:
        cursor = connection.execute(_NEXT, (*row, *row[:2])) if expected else connection.execute(_FIRST, (*row, stream))
    except IntegrityError:
        return 0  # there is such a version already
    return (cursor.rowcount and cursor.lastrowid) or 0


def refused(stream: str, expected: int, found: int) -> Refused | None:
    """Why nothing is appended to a stream that is found at a version, -1 for a closed one."""
    if found < 0:
        return StreamClosed(stream=stream)
    return None if expected in (ANY_VERSION, found) else VersionConflict(stream=stream, expected=expected, actual=found)


def _tag(connection: Connection, before: int, tags: _Tags) -> None:
    # Events that are appended together have positions without holes: there is one writer.
    rows = [(tag, position) for position, its in enumerate(tags, before + 1) for tag in dict.fromkeys(its)]
    TAGS.run(connection, rows)


def _append(item: Append) -> _Append:
    stream, events, expected = item
    tags = [*map(_TAGS_OF, events)]
    return stream, expected, [*map(_row, events)], tags if any(tags) else ()


def _row(draft: Draft) -> _Row:
    id_, kind, version, data, headers, time, tags = draft
    return (
        bytearray(id_.int.to_bytes(16)),
        kind,
        version,
        bytearray(data),
        json_text(dict(headers)) if headers else "{}",
        micros_of(time),
        json_text(tags) if tags else "[]",
    )


EVENTS: Final = Insertion("twofold_events", "stream, version, id, type, schema_version, data, headers, time, tags")
"""What writes events, each at its version."""

TAGS: Final = Insertion("twofold_tags", "tag, position")
"""What writes tags, each with the position of its event."""

IS_OPEN: Final = "NOT EXISTS (SELECT 1 FROM twofold_closings WHERE stream = {stream})"
"""The condition of SQL for the first event of a stream, where the unique index of streams and versions takes it."""

HAS_NO_GAP: Final = "EXISTS (SELECT 1 FROM twofold_events WHERE stream = {stream} AND version = {version} - 1)"
"""The same for any other event: of a stream that is closed there is none to follow."""

_FIRST = EVENTS.one_if(IS_OPEN.format(stream="?"))
_NEXT = EVENTS.one_if(HAS_NO_GAP.format(stream="?", version="?"))

_TAGS_OF = itemgetter(Draft._fields.index("tags"))
