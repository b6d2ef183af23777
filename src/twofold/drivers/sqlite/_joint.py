"""What several units append, as one statement: rows into a view, whose triggers put each where it belongs.

Such a statement is a transaction by itself, and runs from its beginning to the disk without the interpreter's lock. Of
several statements each would ask for that lock anew, and so wait until the event loop has nothing more to do.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, TypeAlias, final

from twofold.drivers.sqlite._append import EVENTS, TAGS, Appending, Refused, refused
from twofold.drivers.sqlite._closings import versions_of
from twofold.drivers.sqlite._entries import ENTRIES
from twofold.drivers.sqlite._guard import own
from twofold.drivers.sqlite._insertion import NOTHING
from twofold.store import ANY_VERSION, Committed

_Decided: TypeAlias = tuple[int, dict[str, int]]
"""Which of all events its last one is, 0 where it appends none, and the versions that it leaves streams at."""


@final
class Joint:
    """What several units append, one behind the other: it comes to what each of them would do by itself.

    Each goes to the version that follows the one its stream is at. Where that is another one once it is written, or the
    stream is closed, SQLite takes none of it.

    Args:
        connection: The connection that writes; it may be in a transaction.
        units: What each of them appends.
        assumed: Whether streams are taken to be where units expect them, where only SQLite's refusal tells otherwise.
    """

    __slots__ = ("_decisions", "_events", "_last", "_values")

    def __init__(self, connection: sqlite3.Connection, units: Sequence[Appending], *, assumed: bool) -> None:
        self._values: list[Any] = []
        self._events = 0
        self._last: tuple[str, int] | None = None
        appends = [one for streams, _ in units for one in streams]
        known = {stream: expected for stream, expected, _, _ in reversed(appends)} if assumed else {}
        asked = {
            stream: None
            for stream, expected, events, _ in appends
            if not assumed or expected == ANY_VERSION or not events
        }
        if asked:
            known |= versions_of(connection, [*asked])
        self._decisions = [self._decide(unit, known) for unit in units]

    @property
    def is_one_statement(self) -> bool:
        """Whether one statement writes all of it, and tells by its success that all of it is right.

        Nothing proves where a stream is that a unit is refused for.
        """
        return len(self._values) <= _MOST and all(isinstance(its, tuple) for its in self._decisions)

    def write(self, connection: sqlite3.Connection) -> None:
        """Write it, and commit where no transaction is open and one statement is enough.

        Raises:
            sqlite3.Error: SQLite does not take it; nothing of the statement that failed is written.
        """
        for start in range(0, len(self._values), _MOST):
            values = self._values[start : start + _MOST]
            size = next(size for size in _SIZES if size * _ROW >= len(values))
            values += [NOTHING] * (size * _ROW - len(values))
            connection.execute(_STATEMENTS[size], values)

    def outcomes(self, connection: sqlite3.Connection) -> list[Committed | Refused]:
        """What each unit has come to, once it is written; one that is refused has written nothing.

        Raises:
            LookupError: The last event is gone: another process has closed its stream since.
        """
        before = 0
        if self._last is not None:
            found = connection.execute(_POSITION, self._last).fetchone()
            if found is None:
                raise LookupError("the stream of its last event is closed")
            # Events that are appended together have positions without holes: there is one writer.
            before = found[0] - self._events
        return [
            Committed(before + its[0] if its[0] else 0, its[1]) if isinstance(its, tuple) else its
            for its in self._decisions
        ]

    def _decide(self, unit: Appending, known: dict[str, int]) -> _Decided | Refused:
        streams, entries = unit
        values = self._values
        start, last, count = len(values), self._last, 0
        versions: dict[str, int] = {}
        for stream, expected, events, tags in streams:
            version = versions[stream] if stream in versions else known[stream]
            # Not raised: a traceback would hold what all the others append.
            if (refusal := refused(stream, expected, version)) is not None:
                del values[start:]
                return refusal
            for place, event in enumerate(events):
                version += 1
                values += (_EVENT, stream, version)
                values += event
                values += _BESIDE_EVENT
                for tag in dict.fromkeys(tags[place]) if tags else ():
                    values += (_TAG, tag, *_BESIDE_TAG)
                last = stream, version
            versions[stream] = version
            count += len(events)
        for entry in entries:
            values.append(_ENTRY)
            values += entry
            values.append(1 if count else 0)
        self._last = last
        self._events += count
        known.update(versions)
        return self._events if count else 0, versions


def prepare_joint(connection: sqlite3.Connection) -> None:
    """Make the view, on this connection and for it alone; the tables must be up to date."""
    nothing = ", ".join(f"NULL AS {name}" for name in ("kind", *_COLUMNS))
    connection.execute(f"CREATE TEMP VIEW {_VIEW} AS SELECT {nothing}")
    for name, kind, steps in (("event", _EVENT, _OF_EVENT), ("tag", _TAG, _OF_TAG), ("entry", _ENTRY, _OF_ENTRY)):
        connection.execute(
            f"CREATE TEMP TRIGGER {_VIEW}_{name} INSTEAD OF INSERT ON {_VIEW} WHEN new.kind = {kind} BEGIN {steps}; END"
        )


_EVENT, _TAG, _ENTRY = 1, 2, 3
"""The kinds of rows. One that is nothing else is a filler, so that a few statements do for any number of rows."""

_WIDTH = max(len(EVENTS.columns), len(ENTRIES.columns))
_ROW = 1 + _WIDTH
_COLUMNS = tuple(f"value{place}" for place in range(_WIDTH))
_BESIDE_EVENT = (NOTHING,) * (_WIDTH - len(EVENTS.columns))
_BESIDE_TAG = (NOTHING,) * (_WIDTH - 1)

_HEAD = "(SELECT max(position) FROM twofold_events)"
_NEW = [f"new.{name}" for name in _COLUMNS]
_PROOF = (
    f"SELECT raise(ABORT, 'the stream is elsewhere') WHERE CASE WHEN {_NEW[1]} = 1"  # noqa: S608  # names of columns
    f" THEN EXISTS (SELECT 1 FROM twofold_closings WHERE stream = {_NEW[0]})"
    f" ELSE NOT EXISTS (SELECT 1 FROM twofold_events WHERE stream = {_NEW[0]} AND version = {_NEW[1]} - 1) END"
)
"""What the unique index of streams and versions does not see: a gap, and a stream that is closed."""

_OF_EVENT = f"{_PROOF}; {EVENTS.sql(_NEW[: len(EVENTS.columns)])}"
_OF_TAG = TAGS.sql([_NEW[0], _HEAD])
_OF_ENTRY = ENTRIES.sql([*_NEW[:-1], f"CASE WHEN {_NEW[-1]} THEN {_HEAD} ELSE 0 END"])
_VIEW = "twofold_joint"
_MOST_VALUES = 32766 if sqlite3.sqlite_version_info >= (3, 32) else 999
_SIZES = [size for size in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128) if size * _ROW <= _MOST_VALUES]
_MOST = _SIZES[-1] * _ROW
_INTO = f"INSERT INTO temp.{_VIEW} VALUES"
_MARKS = f"({', '.join('?' * _ROW)})"
_STATEMENTS = {size: own(f"{_INTO} {', '.join([_MARKS] * size)}") for size in _SIZES}
_POSITION = "SELECT position FROM twofold_events WHERE stream = ? AND version = ?"
