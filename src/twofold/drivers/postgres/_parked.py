"""Parked events: looked at and mended here; put aside and freed by batches."""

from collections.abc import Collection, Sequence
from typing import Any, Final, final

from twofold.drivers.postgres._names import Names
from twofold.drivers.postgres._pool import Pool
from twofold.store import Parked


@final
class PostgresParked:
    """The parked events of one schema.

    Args:
        readers: Connections to read with.
        writers: Connections to write with.
        names: What is called how.
    """

    __slots__ = ("_names", "_readers", "_writers")

    def __init__(self, readers: Pool, writers: Pool, names: Names) -> None:
        self._readers = readers
        self._writers = writers
        self._names = names

    async def list(
        self, subscription: str | None = None, *, stream: str | None = None, due: bool = False, limit: int = 1000
    ) -> Sequence[Parked]:
        """Parked events, by subscription and position."""
        return [Parked(**row) for row in await self._rows(self._readers, _LIST, subscription, stream, due, limit)]

    async def streams(self, subscription: str) -> Collection[str]:
        """The streams of which a subscription has parked events."""
        return {stream for (stream,) in await self._rows(self._readers, _STREAMS, subscription)}

    async def retry(self, subscription: str, stream: str) -> int:
        """Have a stream's parked events tried again."""
        return len(await self._rows(self._writers, _RETRY, subscription, stream))

    async def edit(self, subscription: str, position: int, data: bytes) -> bool:
        """Have a parked event read as this JSON."""
        return bool(await self._rows(self._writers, _EDIT, subscription, position, data))

    async def _rows(self, pool: Pool, query: str, *values: Any) -> Sequence[Any]:
        async with pool.lent() as connection:
            return await connection.fetch(self._names.sql(query), *values)


_LIST: Final = (
    "SELECT subscription, position, stream, type, time, cause, trace, attempts, data, due FROM {schema}.twofold_parked"
    " WHERE ($1::text IS NULL OR subscription = $1) AND ($2::text IS NULL OR stream = $2) AND (due OR NOT $3::boolean)"
    " ORDER BY subscription, position LIMIT $4"
)
_STREAMS: Final = "SELECT DISTINCT stream FROM {schema}.twofold_parked WHERE subscription = $1"
_RETRY: Final = (
    "UPDATE {schema}.twofold_parked SET due = TRUE WHERE subscription = $1 AND stream = $2 RETURNING position"
)
_EDIT: Final = (
    "UPDATE {schema}.twofold_parked SET data = $3 WHERE subscription = $1 AND position = $2 RETURNING position"
)
