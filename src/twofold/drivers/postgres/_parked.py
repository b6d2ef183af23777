"""Parked events: looked at and mended here; put aside and freed by batches."""

import base64
from collections.abc import Collection, Sequence
from typing import Any, Final, final

from twofold.drivers.postgres._fetch import Fetch
from twofold.store import Parked, json_text


@final
class PostgresParked:
    """The parked events of one schema.

    Args:
        fetch: Where its statements go.
    """

    __slots__ = ("_fetch",)

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    async def list(
        self, subscription: str | None = None, *, stream: str | None = None, due: bool = False, limit: int = 1000
    ) -> Sequence[Parked]:
        """Parked events, by subscription and position."""
        return [Parked(**row) for row in await self._fetch.read(_LIST, subscription, stream, due, limit)]

    async def get(self, subscription: str, position: int) -> Parked | None:
        """A parked event; None when it is not, or no longer, parked."""
        found = await self._fetch.read(_GET, subscription, position)
        return Parked(**found[0]) if found else None

    async def streams(self, subscription: str) -> Collection[str]:
        """The streams of which a subscription has parked events."""
        return {stream for (stream,) in await self._fetch.read(_STREAMS, subscription)}

    async def retry(self, subscription: str, stream: str) -> int:
        """Have a stream's parked events tried again."""
        return len(await self._fetch.write(_RETRY, subscription, stream))

    async def edit(self, subscription: str, position: int, data: bytes) -> bool:
        """Have a parked event read as this JSON."""
        return bool(await self._fetch.write(_EDIT, subscription, position, data))


def reparking(
    query: str, values: tuple[Any, ...], reparks: Sequence[Parked], repark: str
) -> tuple[str, tuple[Any, ...]]:
    """A query that writes a unit of work, with its parameters, once it notes what is new about parked events too.

    Args:
        query: The query.
        values: Its parameters.
        reparks: The events.
        repark: What notes it, from `REPARK`.
    """
    return f"{repark}(({query}), ${len(values) + 1})", (*values, json_text([*map(as_json, reparks)]))


def as_json(one: Parked) -> dict[str, Any]:
    """A parked event as functions of the database take it."""
    return {
        "subscription": one.subscription,
        "position": one.position,
        "stream": one.stream,
        "type": one.type,
        "time": one.time.isoformat(),
        "cause": _text(one.cause),
        "trace": _text(one.trace),
        "attempts": one.attempts,
        "data": None if one.data is None else base64.b64encode(one.data).decode(),
        "due": one.due,
    }


def _text(told: str) -> str:
    """What an exception said, without what PostgreSQL cannot hold: an event must be parked whatever its cause says."""
    return told.replace("\0", "\ufffd").encode(errors="replace").decode()


_SELECT: Final = (
    "SELECT subscription, position, stream, type, time, cause, trace, attempts, data, due FROM {schema}.twofold_parked"
)
_GET: Final = _SELECT + " WHERE subscription = $1 AND position = $2"
_LIST: Final = _SELECT + (
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
REPARK: Final = "SELECT {schema}.twofold_repark"
