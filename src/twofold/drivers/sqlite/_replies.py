"""Replies to keyed commands: looked up on the reader connections, claimed and kept in the writer's turn.

Whoever claims a key has the writer's turn, in this process and all others, so nobody else can.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from sqlite3 import Connection, IntegrityError
from typing import Final

from twofold.clock import micros_of, time_of
from twofold.drivers.sqlite._guard import own
from twofold.errors import AlreadyReceived
from twofold.store import Received, Reply

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
    found = connection.execute(_FIND, (key, micros_of(now))).fetchone()
    if found is None:
        return None
    message, fingerprint, value, time, expires, position = found
    return Reply(key, message, fingerprint, value, time_of(time), time_of(expires), position)


def claim(connection: Connection, key: bytes, now: datetime) -> Reply | None:
    """The same, in the writer's turn; one that has expired makes room."""
    found = find(connection, key, now)
    if found is None:
        connection.execute(_FORGET, (key,))
    return found


def keep(connection: Connection, reply: Reply, position: int) -> None:
    """Keep a reply, in the transaction that is open, and forget a few that have expired."""
    connection.execute(_SWEEP, (micros_of(reply.time),))
    times = micros_of(reply.time), micros_of(reply.expires)
    connection.execute(_KEEP, (reply.key, reply.message, reply.fingerprint, reply.value, *times, position))


def find_received(connection: Connection, keys: Collection[bytes]) -> Collection[bytes]:
    """The keys that there is a reply to, whether it has expired or not."""
    left, found = list(keys), set[bytes]()
    for first in range(0, len(left), _VALUES):
        page = left[first : first + _VALUES]
        rows = connection.execute(_FIND_KEYS.format(", ".join("?" * len(page))), page)
        found.update(key for (key,) in rows)
    return found


def keep_received(connection: Connection, received: Sequence[Received], position: int) -> None:
    """Keep that messages were dealt with, in the transaction that is open, and forget some that have expired.

    Raises:
        AlreadyReceived: One of them was before.
    """
    connection.execute(_SWEEP_MANY, (micros_of(received[0].time), 2 * len(received)))
    rows = [
        (one.key, one.message, b"", b"null", micros_of(one.time), micros_of(one.expires), position) for one in received
    ]
    try:
        connection.executemany(_KEEP, rows)
    except IntegrityError as error:
        raise AlreadyReceived from error


_FIND = "SELECT message, fingerprint, value, time, expires, position FROM twofold_replies WHERE key = ? AND expires > ?"
_FORGET = own("DELETE FROM twofold_replies WHERE key = ?")
_SWEEP = own(
    "DELETE FROM twofold_replies WHERE key IN"
    " (SELECT key FROM twofold_replies WHERE expires <= ? ORDER BY expires LIMIT 2)"
)
_SWEEP_MANY = _SWEEP.replace("LIMIT 2", "LIMIT ?")
_FIND_KEYS = "SELECT key FROM twofold_replies WHERE key IN ({})"
_VALUES: Final = 500
"""How many values one statement has at most."""
_KEEP = own(
    "INSERT INTO twofold_replies (key, message, fingerprint, value, time, expires, position)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
