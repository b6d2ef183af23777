"""Replies to keyed commands: looked up on the reader connections, claimed and kept in the writer's turn.

Whoever claims a key has the writer's turn, in this process and all others, so nobody else can.
"""

from datetime import datetime
from sqlite3 import Connection

from twofold.drivers.sqlite._time import EPOCH, MICROSECOND
from twofold.store import Reply

TABLE_OF_REPLIES = (
    """CREATE TABLE twofold_replies (
        key BLOB PRIMARY KEY,
        message TEXT NOT NULL,
        fingerprint BLOB NOT NULL,
        value BLOB NOT NULL,
        time INTEGER NOT NULL, -- microseconds since 1970, UTC
        expires INTEGER NOT NULL, -- the same
        position INTEGER NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX twofold_replies_by_expiry ON twofold_replies (expires)",
)
"""What makes their table."""


def find(connection: Connection, key: bytes, now: datetime) -> Reply | None:
    """The reply to a key that has not expired, or None."""
    found = connection.execute(_FIND, (key, _micros(now))).fetchone()
    if found is None:
        return None
    message, fingerprint, value, time, expires, position = found
    return Reply(key, message, fingerprint, value, _time(time), _time(expires), position)


def claim(connection: Connection, key: bytes, now: datetime) -> Reply | None:
    """The same, in the writer's turn; one that has expired makes room."""
    found = find(connection, key, now)
    if found is None:
        connection.execute(_FORGET, (key,))
    return found


def keep(connection: Connection, reply: Reply, position: int) -> None:
    """Keep a reply, in the transaction that is open, and forget a few that have expired."""
    connection.execute(_SWEEP, (_micros(reply.time),))
    times = _micros(reply.time), _micros(reply.expires)
    connection.execute(_KEEP, (reply.key, reply.message, reply.fingerprint, reply.value, *times, position))


def _micros(time: datetime) -> int:
    return (time - EPOCH) // MICROSECOND


def _time(micros: int) -> datetime:
    return EPOCH + micros * MICROSECOND


_FIND = "SELECT message, fingerprint, value, time, expires, position FROM twofold_replies WHERE key = ? AND expires > ?"
_FORGET = "DELETE FROM twofold_replies WHERE key = ?"
_SWEEP = (
    "DELETE FROM twofold_replies WHERE key IN"
    " (SELECT key FROM twofold_replies WHERE expires <= ? ORDER BY expires LIMIT 2)"
)
_KEEP = (
    "INSERT INTO twofold_replies (key, message, fingerprint, value, time, expires, position)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
