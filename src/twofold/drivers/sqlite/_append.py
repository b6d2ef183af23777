"""Appending to the log with entries of the audit trail: what several units do together, by as few statements as one."""

from collections.abc import Sequence
from sqlite3 import Connection
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from twofold.drivers.sqlite._closings import version_of, versions_of
from twofold.drivers.sqlite._entries import ENTRIES, audit_row
from twofold.drivers.sqlite._guard import GuardedConnection, own
from twofold.drivers.sqlite._insertion import Insertion
from twofold.drivers.sqlite._time import EPOCH, MICROSECOND
from twofold.errors import StreamClosed, VersionConflict
from twofold.store import ANY_VERSION, Append, Batch, Committed, Draft, json_text

Refused: TypeAlias = VersionConflict | StreamClosed
_Row: TypeAlias = tuple[bytes, str, int, bytes, str, int, str]
_Stored: TypeAlias = tuple[str, int, bytes, str, int, bytes, str, int, str]
_Tags: TypeAlias = Sequence[tuple[str, ...]]
_Append: TypeAlias = tuple[str, int, Sequence[_Row], _Tags]


class Appending(NamedTuple):
    """What one unit of work appends, encoded.

    Args:
        appends: Each with its stream, the version expected, its events, and their tags where one has any.
        entries: Entries of the audit trail, but their position.
    """

    appends: Sequence[_Append]
    entries: Sequence[tuple[Any, ...]]


class Data(Protocol):
    """A unit of work that changes nothing but rows, which SQLite counts."""

    @property
    def appending(self) -> Appending | None:
        """What it appends, where it does nothing else."""
        ...

    def __call__(self, connection: GuardedConnection, /) -> Committed:
        """Write it, inside the transaction that is open."""
        ...


def encoded(batch: Batch) -> Appending:
    """What a batch appends."""
    return Appending([_append(item) for item in batch.appends], [audit_row(entry) for entry in batch.audit])


def append(connection: Connection, appends: Sequence[_Append]) -> Committed:
    """Append what one unit does, inside the transaction that is open.

    Raises:
        VersionConflict: A stream is not where an append expects it.
        StreamClosed: A stream is closed for good.
    """
    position = 0
    versions: dict[str, int] = {}
    for stream, expected, events, tags in appends:
        found = version_of(connection, stream)
        _prove(stream, expected, found)
        versions[stream] = found + len(events)
        position = EVENTS.run(connection, _rows(stream, found, events)) or position
        if tags:
            _tag(connection, position - len(events), tags)
    return Committed(position, versions)


def append_together(connection: Connection, units: Sequence[Appending]) -> list[Committed | Refused]:
    """Append what several units do, one behind the other, inside the transaction that is open.

    Returns:
        What each of them has come to; one that is refused has written nothing.
    """
    known = versions_of(connection, [*{stream: None for unit in units for stream, _, _, _ in unit.appends}])
    rows: list[_Stored] = []
    ends: list[int] = []
    decided: list[dict[str, int] | Refused] = []
    for unit in units:
        try:
            decided.append(_follow(unit.appends, known, rows))
        except (VersionConflict, StreamClosed) as error:
            decided.append(error)
        ends.append(len(rows))
    before = EVENTS.run(connection, rows) - len(rows)
    done: list[Committed | Refused] = []
    entries: list[tuple[Any, ...]] = []
    place = 0
    for unit, versions, end in zip(units, decided, ends, strict=True):
        if not isinstance(versions, dict):
            done.append(versions)
            continue
        position = before + end if end > place else 0
        entries += [(*entry, position) for entry in unit.entries]
        done.append(Committed(position, versions))
        for _, _, events, tags in unit.appends:
            if tags:
                _tag(connection, before + place, tags)
            place += len(events)
    ENTRIES.run(connection, entries)
    return done


def _follow(appends: Sequence[_Append], known: dict[str, int], rows: list[_Stored]) -> dict[str, int]:
    """Add the rows of a unit to those before it, or none of them."""
    versions: dict[str, int] = {}
    begun = len(rows)
    try:
        for stream, expected, events, _ in appends:
            found = versions[stream] if stream in versions else known[stream]
            if found < 0:
                raise StreamClosed(stream=stream)
            _prove(stream, expected, found)
            versions[stream] = found + len(events)
            rows += _rows(stream, found, events)
    except (VersionConflict, StreamClosed):
        del rows[begun:]
        raise
    known.update(versions)
    return versions


def _prove(stream: str, expected: int, found: int) -> None:
    if expected not in (ANY_VERSION, found):
        raise VersionConflict(stream=stream, expected=expected, actual=found)


def _rows(stream: str, version: int, events: Sequence[_Row]) -> list[_Stored]:
    return [(stream, number, *event) for number, event in enumerate(events, version + 1)]


def _tag(connection: Connection, before: int, tags: _Tags) -> None:
    # Events that are appended together have positions without holes: there is one writer.
    rows = [(tag, position) for position, its in enumerate(tags, before + 1) for tag in dict.fromkeys(its)]
    connection.executemany(_TAG, rows)


def _append(item: Append) -> _Append:
    tags = [draft.tags for draft in item.events]
    return item.stream, item.expected, [_row(draft) for draft in item.events], tags if any(tags) else ()


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


EVENTS: Final = Insertion("twofold_events (stream, version, id, type, schema_version, data, headers, time, tags)")
_TAG = own("INSERT INTO twofold_tags (tag, position) VALUES (?, ?)")
