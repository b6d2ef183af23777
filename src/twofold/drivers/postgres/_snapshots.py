"""Snapshots: one row for each stream that has one, written in the round trip of the unit of work that took it."""

from collections.abc import Sequence
from typing import Any, Final

from twofold.drivers.postgres._fetch import Fetch
from twofold.store import Snapshot


async def find_snapshot(fetch: Fetch, stream: str) -> Snapshot | None:
    """The newest snapshot of a stream, or None."""
    rows = await fetch.read(_FIND, stream)
    return Snapshot(**rows[0]) if rows else None


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
KEEP_SNAPSHOTS: Final = "SELECT {schema}.twofold_snapshot"
