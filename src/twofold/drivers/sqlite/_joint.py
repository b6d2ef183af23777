"""What several units append, as one statement: rows for a temporary table, whose triggers put each where it belongs.

Such a statement is a transaction by itself, and runs from its beginning to the disk without the interpreter's lock. Of
several statements each would ask for that lock anew, and so wait until the event loop has nothing more to do.

A last row is the only one that the table keeps, by the number that positions go on from: so SQLite tells it unasked.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, TypeAlias, final

from twofold.drivers.sqlite._append import EVENTS, HAS_NO_GAP, IS_OPEN, TAGS, Appending, Refused, refused
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

    __slots__ = ("_before", "_decisions", "_events", "_values")

    def __init__(self, connection: sqlite3.Connection, units: Sequence[Appending], *, assumed: bool) -> None:
        self._values: list[Any] = []
        self._events = 0
        self._before = 0
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
            values += [_FILLER] * (size * _ROW - len(values))
            before = connection.execute(_STATEMENTS[size], values).lastrowid
            if not start:
                self._before = before or 0

    def outcomes(self) -> list[Committed | Refused]:
        """What each unit has come to, once it is written; one that is refused has written nothing."""
        # Events that are appended together have positions without holes: there is one writer.
        before = self._before
        return [
            Committed(before + its[0] if its[0] else 0, its[1]) if isinstance(its, tuple) else its
            for its in self._decisions
        ]

    def _decide(self, unit: Appending, known: dict[str, int]) -> _Decided | Refused:
        streams, entries = unit
        values = self._values
        start, count = len(values), 0
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
            versions[stream] = version
            count += len(events)
        for entry in entries:
            values.append(_ENTRY)
            values += entry
            values.append(1 if count else 0)
        self._events += count
        known.update(versions)
        return self._events if count else 0, versions


def prepare_joint(connection: sqlite3.Connection) -> None:
    """Make the table, on this connection and for it alone; those of the store must be up to date."""
    connection.execute(f"CREATE TEMP TABLE {_TABLE} (before INTEGER PRIMARY KEY, kind, {', '.join(_COLUMNS)})")
    for name, kind, steps in _STEPS:
        connection.execute(
            f"CREATE TEMP TRIGGER {_TABLE}_{name} BEFORE INSERT ON {_TABLE} WHEN new.kind = {kind} BEGIN {steps}; END"
        )


_LAST, _EVENT, _TAG, _ENTRY, _FILLER = range(5)
"""The kinds of rows. Fillers are nothing, so that a few statements do for any number of rows."""

_WIDTH = max(len(EVENTS.columns), len(ENTRIES.columns))
_ROW = 1 + _WIDTH
_COLUMNS = tuple(f"value{place}" for place in range(_WIDTH))
_BESIDE_EVENT = (NOTHING,) * (_WIDTH - len(EVENTS.columns))
_BESIDE_TAG = (NOTHING,) * (_WIDTH - 1)

_HEAD = "(SELECT max(position) FROM twofold_events)"
_NEW = [f"new.{name}" for name in _COLUMNS]
_PROOF = (
    f"SELECT raise(ABORT, 'the stream is elsewhere') WHERE NOT CASE WHEN {_NEW[1]} = 1"
    f" THEN {IS_OPEN.format(stream=_NEW[0])} ELSE {HAS_NO_GAP.format(stream=_NEW[0], version=_NEW[1])} END"
)
"""What the unique index of streams and versions does not see: a gap, and a stream that is closed."""

_IGNORE = "SELECT raise(IGNORE)"
_TABLE = "twofold_joint"
_STEPS = (
    ("event", _EVENT, f"{_PROOF}; {EVENTS.sql(_NEW[: len(EVENTS.columns)])}; {_IGNORE}"),
    ("tag", _TAG, f"{TAGS.sql([_NEW[0], _HEAD])}; {_IGNORE}"),
    ("entry", _ENTRY, f"{ENTRIES.sql([*_NEW[:-1], f'CASE WHEN {_NEW[-1]} THEN {_HEAD} ELSE 0 END'])}; {_IGNORE}"),
    ("filler", _FILLER, _IGNORE),
    ("last", _LAST, own("DELETE FROM twofold_joint")),
)
_MOST_VALUES = 32766 if sqlite3.sqlite_version_info >= (3, 32) else 999
_SIZES = [size for size in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128) if size * _ROW <= _MOST_VALUES]
_MOST = _SIZES[-1] * _ROW
_INTO = f"INSERT INTO temp.{_TABLE} VALUES"
_MARKS = f"(NULL, {', '.join('?' * _ROW)})"
_BEFORE = "coalesce((SELECT seq FROM main.sqlite_sequence WHERE name = 'twofold_events'), 0)"
_END = f"({_BEFORE}, {_LAST}, {', '.join(['NULL'] * _WIDTH)})"
_STATEMENTS = {size: own(f"{_INTO} {', '.join([_MARKS] * size)}, {_END}") for size in _SIZES}
