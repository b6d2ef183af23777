"""Snapshots: one row for each stream that has one, written in the round trip of the unit of work that took it, and read
in that of what is behind it."""

from collections.abc import Sequence
from typing import Any, Final

from twofold.drivers.postgres._fetch import Fetch
from twofold.drivers.postgres._log import recorded
from twofold.store import Recorded, Snapshot


async def find_snapshot(fetch: Fetch, stream: str) -> Snapshot | None:
    """The newest snapshot of a stream, or None."""
    rows = await fetch.read(_FIND, stream)
    return Snapshot(**rows[0]) if rows else None


async def read_from_snapshot(fetch: Fetch, stream: str, limit: int) -> tuple[Snapshot | None, Sequence[Recorded]]:
    """The newest snapshot of a stream, or None, and the events from the one on that it is of."""
    rows = await fetch.read(_FIND_AND_READ, stream, limit)
    if not rows or rows[0]["position"]:
        return None, [recorded(*row) for row in rows]
    _, name, version, event_id, schema, _, state, *_ = rows[0]
    return Snapshot(name, version, event_id, schema, state), [recorded(*row) for row in rows[1:]]


def keeping_snapshots(
    query: str, values: tuple[Any, ...], snapshots: Sequence[Snapshot], keep: str
) -> tuple[str, tuple[Any, ...]]:
    """A query that writes a unit of work, with its parameters, once it keeps snapshots too, in the same round trip.

    Args:
        query: The query.
        values: Its parameters.
        snapshots: The snapshots, of one stream each.
        keep: What keeps them, from `KEEP_SNAPSHOTS`.
    """
    places = ", ".join(f"${nth}" for nth in range(len(values) + 1, len(values) + 6))
    return f"{keep}(({query}), {places})", (*values, *map(list, zip(*snapshots, strict=True)))


_FIND: Final = "SELECT stream, version, event_id, schema, state FROM {schema}.twofold_snapshots WHERE stream = $1"
# The snapshot comes as an event in front of all positions.
_FIND_AND_READ: Final = (
    "SELECT 0::bigint AS position, stream, version, event_id AS id, schema AS type, 0 AS schema_version, state AS data,"
    " '{}' AS headers, now() AS time, '[]' AS tags FROM {schema}.twofold_snapshots WHERE stream = $1"
    " UNION ALL (SELECT position, stream, version, id, type, schema_version, data, headers, time, tags"
    " FROM {schema}.twofold_events WHERE stream = $1"
    " AND version >= coalesce((SELECT version FROM {schema}.twofold_snapshots WHERE stream = $1), 1)"
    " ORDER BY version LIMIT $2) ORDER BY position"
)
KEEP_SNAPSHOTS: Final = "SELECT {schema}.twofold_snapshot"
