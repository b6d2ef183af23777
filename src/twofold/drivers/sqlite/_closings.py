"""Closing streams: the one way for their events out of the log, and what is left; the writer's thread does it."""

from collections.abc import Sequence
from sqlite3 import Connection
from typing import Any

from twofold.clock import micros_of, time_of
from twofold.drivers.sqlite._entries import add_entries
from twofold.drivers.sqlite._guard import own
from twofold.drivers.sqlite._insertion import SIZES, portions
from twofold.errors import StreamClosed, VersionConflict
from twofold.store import Closing

_GONE = (
    own("DELETE FROM twofold_events WHERE stream = ?"),
    # What else is kept by the name of a stream.
    own("DELETE FROM twofold_parked WHERE stream = ?"),
    own("DELETE FROM twofold_snapshots WHERE stream = ?"),
)


def version_of(connection: Connection, stream: str) -> int:
    """The version that a stream is at.

    Raises:
        StreamClosed: It is closed for good.
    """
    found = int(connection.execute(_VERSION, (stream, stream)).fetchone()[0])
    if found < 0:
        raise StreamClosed(stream=stream)
    return found


def versions_of(connection: Connection, streams: Sequence[str]) -> dict[str, int]:
    """The versions that streams are at; -1 for what is closed."""
    found: dict[str, int] = {}
    for portion in portions(streams):
        for place, version in connection.execute(_VERSIONS[len(portion)], portion):
            found[portion[int(place)]] = version
    return found


def close(connection: Connection, closing: Closing, entry: tuple[Any, ...]) -> None:
    """Take a stream's events away for good, with what hangs on them, and add the entry that tells of it.

    Raises:
        VersionConflict: The stream is not at that version.
        StreamClosed: It was closed before.
    """
    stream, ends_at = closing.stream, closing.version
    found = version_of(connection, stream)
    if found != ends_at:
        raise VersionConflict(stream=stream, expected=ends_at, actual=found)
    connection.execute(_CLOSE, (stream, ends_at, closing.how, micros_of(closing.time)))
    connection.executemany(_UNTAG, connection.execute(_TAGS, (stream,)).fetchall())
    for statement in _GONE:
        connection.execute(statement, (stream,))
    add_entries(connection, [entry], 0)


def closing_of(connection: Connection, stream: str) -> Closing | None:
    """How a stream was closed."""
    row = connection.execute(_FIND, (stream,)).fetchone()
    if row is None:
        return None
    version, how, time = row
    return Closing(stream=stream, version=version, how=how, time=time_of(time))


# Whether a stream is closed is asked only where it has no events.
_VERSION = (
    "SELECT coalesce(max(version), (SELECT -1 FROM twofold_closings WHERE stream = ?), 0)"
    " FROM twofold_events WHERE stream = ?"
)
_VERSIONS = {
    size: f"WITH asked (place, stream) AS (VALUES {', '.join(f'({place}, ?)' for place in range(size))})"  # noqa: S608  # numbers and marks
    " SELECT place, coalesce((SELECT max(version) FROM twofold_events WHERE stream = asked.stream),"
    " (SELECT -1 FROM twofold_closings WHERE stream = asked.stream), 0) FROM asked"
    for size in SIZES
}
_CLOSE = own("INSERT INTO twofold_closings (stream, version, how, time) VALUES (?, ?, ?, ?)")
_FIND = "SELECT version, how, time FROM twofold_closings WHERE stream = ?"
_TAGS = "SELECT value, position FROM twofold_events, json_each(tags) WHERE stream = ?"
_UNTAG = own("DELETE FROM twofold_tags WHERE tag = ? AND position = ?")
