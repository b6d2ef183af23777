"""Replies to keyed commands: looked up by readers, claimed in the transaction of their command, and kept by its commit.

A claim is an advisory lock, which ends with its transaction however that ends, and says who has to wait.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg

from twofold.drivers.postgres._connection import Connection
from twofold.drivers.postgres._fetch import Fetch
from twofold.drivers.postgres._names import Names
from twofold.errors import KeyInFlight
from twofold.store import Received, Reply


async def find(fetch: Fetch, key: bytes, now: datetime) -> Reply | None:
    """The reply to a key that has not expired, or None."""
    return _reply(await fetch.read(_FIND, key, now))


async def claim(connection: Connection, names: Names, key: bytes, now: datetime, wait: float) -> Reply | None:
    """Claim a key in the transaction that is open, unless there is a reply to it.

    Raises:
        KeyInFlight: Another transaction has it, and kept it for longer than `wait` seconds.
    """
    try:
        return _reply(await connection.fetch(names.sql(_CLAIM), key, now, round(1000 * wait)))
    except asyncpg.LockNotAvailableError as error:
        raise KeyInFlight from error


def keeping(query: str, values: tuple[Any, ...], reply: Reply, keep: str) -> tuple[str, tuple[Any, ...]]:
    """A query that writes a unit of work, with its parameters, once it keeps a reply too: in one round trip as before.

    Args:
        query: The query.
        values: Its parameters.
        reply: The reply.
        keep: What keeps one, from `KEEP`.
    """
    places = ", ".join(f"${nth}" for nth in range(len(values) + 1, len(values) + 7))
    told = reply.key, reply.message, reply.fingerprint, reply.value, reply.time, reply.expires
    return f"{keep}(({query}), {places})", (*values, *told)


async def find_received(fetch: Fetch, keys: Collection[bytes]) -> Collection[bytes]:
    """The keys that there is a reply to, whether it has expired or not."""
    return {row["key"] for row in await fetch.read(_FIND_KEYS, list(keys))}


def keeping_received(
    query: str, values: tuple[Any, ...], received: Sequence[Received], keep: str
) -> tuple[str, tuple[Any, ...]]:
    """A query that writes a unit of work, with its parameters, once it keeps what was received too: in one round trip.

    Args:
        query: The query.
        values: Its parameters.
        received: The messages, at least one.
        keep: What keeps them, from `KEEP_RECEIVED`.
    """
    for nth, place in enumerate(_PLACES, len(values) + 1):
        keep = keep.replace(place, f"${nth}")
    columns = map(list, zip(*received, strict=True))
    return keep.replace("<query>", query), (*values, *columns, received[0].time, 2 * len(received))


def _reply(rows: Any) -> Reply | None:
    return Reply(**rows[0]) if rows else None


_FIND: Final = (
    "SELECT key, message, fingerprint, value, time, expires, position FROM {schema}.twofold_replies"
    " WHERE key = $1 AND expires > $2"
)
_CLAIM: Final = (
    "SELECT key, message, fingerprint, value, time, expires, position FROM {schema}.twofold_claim($1, $2, $3)"
)
KEEP: Final = "SELECT {schema}.twofold_reply"
KEEP_RECEIVED: Final = (
    "WITH done AS MATERIALIZED (SELECT (<query>) AS answer), swept AS (DELETE FROM {schema}.twofold_replies"
    " WHERE key IN (SELECT e.key FROM {schema}.twofold_replies AS e WHERE e.expires <= <now>::timestamptz"
    " ORDER BY e.expires LIMIT <most>::bigint FOR UPDATE SKIP LOCKED)), kept AS (INSERT INTO {schema}.twofold_replies"
    " (key, message, fingerprint, value, time, expires, position)"
    " SELECT r.key, r.message, '', 'null', r.time, r.expires, done.answer[1]"
    " FROM done, unnest(<keys>::bytea[], <names>::text[], <times>::timestamptz[], <ends>::timestamptz[])"
    " AS r (key, message, time, expires) WHERE done.answer[1] >= 0) SELECT answer FROM done"
)
_PLACES: Final = ("<keys>", "<names>", "<times>", "<ends>", "<now>", "<most>")
_FIND_KEYS: Final = "SELECT key FROM {schema}.twofold_replies WHERE key = ANY($1)"
