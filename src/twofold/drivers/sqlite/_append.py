"""Appending to the log with entries of the audit trail: what several units do together, by as few statements as one."""

from collections.abc import Sequence
from operator import itemgetter
from sqlite3 import Connection
from typing import Any, Final, TypeAlias

from twofold.clock import micros_of
from twofold.drivers.sqlite._closings import version_of, versions_of
from twofold.drivers.sqlite._entries import ENTRIES, audit_row
from twofold.drivers.sqlite._guard import own
from twofold.drivers.sqlite._insertion import Insertion
from twofold.errors import StreamClosed, VersionConflict
from twofold.store import ANY_VERSION, Append, Batch, Committed, Draft, json_text

Refused: TypeAlias = VersionConflict | StreamClosed
_Row: TypeAlias = tuple[bytearray, str, int, bytearray, str, int, str]
_Stored: TypeAlias = tuple[str, int, bytearray, str, int, bytearray, str, int, str]
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
        found = version_of(connection, stream)
        if (refused := _refused(stream, expected, found)) is not None:
            raise refused
        versions[stream] = found + len(events)
        position = EVENTS.run(connection, _rows(stream, found, events)) or position
        if tags:
            _tag(connection, position - len(events), tags)
    return Committed(position, versions)


def append_together(connection: Connection, units: Sequence[Appending]) -> list[Committed | Refused]:
    """Append what several units do, one behind the other, inside the transaction that is open.

    It does what `append` and the entries of each would do, in as many statements for all as those take for one.

    Returns:
        What each of them has come to; one that is refused has written nothing.
    """
    known = versions_of(connection, [*{stream: None for streams, _ in units for stream, _, _, _ in streams}])
    rows: list[_Stored] = []
    decisions = [_decide(streams, known, rows) for streams, _ in units]
    last = EVENTS.run(connection, rows) - len(rows)
    done: list[Committed | Refused] = []
    entries: list[tuple[Any, ...]] = []
    for (streams, its), decided in zip(units, decisions, strict=True):
        if not isinstance(decided, dict):
            done.append(decided)
            continue
        before = last
        for _, _, events, tags in streams:
            if tags:
                _tag(connection, last, tags)
            last += len(events)
        position = 0 if last == before else last
        entries += [(*entry, position) for entry in its]
        done.append(Committed(position, decided))
    ENTRIES.run(connection, entries)
    return done


def _decide(streams: Sequence[_Append], known: dict[str, int], rows: list[_Stored]) -> dict[str, int] | Refused:
    """The versions that a unit leaves streams at, which are known from then on, with its events behind the rows."""
    versions: dict[str, int] = {}
    before = len(rows)
    for stream, expected, events, _ in streams:
        found = versions[stream] if stream in versions else known[stream]
        # Not raised: a traceback would hold what all the others append.
        if (refused := _refused(stream, expected, found)) is not None:
            del rows[before:]
            return refused
        versions[stream] = found + len(events)
        rows += _rows(stream, found, events)
    known.update(versions)
    return versions


def _refused(stream: str, expected: int, found: int) -> Refused | None:
    if found < 0:
        return StreamClosed(stream=stream)
    return None if expected in (ANY_VERSION, found) else VersionConflict(stream=stream, expected=expected, actual=found)


def _rows(stream: str, version: int, events: Sequence[_Row]) -> list[_Stored]:
    return [(stream, number, *event) for number, event in enumerate(events, version + 1)]


def _tag(connection: Connection, before: int, tags: _Tags) -> None:
    # Events that are appended together have positions without holes: there is one writer.
    rows = [(tag, position) for position, its in enumerate(tags, before + 1) for tag in dict.fromkeys(its)]
    connection.executemany(_TAG, rows)


def _append(item: Append) -> _Append:
    stream, events, expected = item
    tags = [*map(_TAGS, events)]
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

_TAGS = itemgetter(Draft._fields.index("tags"))
_TAG = own("INSERT INTO twofold_tags (tag, position) VALUES (?, ?)")
