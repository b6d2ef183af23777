"""The audit trail: read, sealed and cut here; entries come with batches."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, final

from twofold.clock import MICROSECOND
from twofold.drivers.postgres._fetch import Fetch
from twofold.store import AuditBlock, AuditCut, AuditEntry, AuditSearch, json_text, sealed_text


@final
class PostgresAudit:
    """The audit trail of one schema.

    Args:
        fetch: Where its statements go.
    """

    __slots__ = ("_fetch",)

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    async def find(
        self, search: AuditSearch, *, after: int = 0, until: int | None = None, newest: bool = False, limit: int = 1000
    ) -> Sequence[AuditEntry]:
        """Entries, by number."""
        wanted = search.message, search.message_id, search.correlation_id, search.user_id, search.tenant, search.outcome
        query = _FIND.replace("{order}", "DESC" if newest else "ASC")
        rows = await self._fetch.read(query, after, until, *wanted, search.since, search.until, limit)
        return [_entry(**row) for row in rows]

    async def texts(self, *, after: int, until: int, limit: int) -> Sequence[tuple[int, str]]:
        """What entries say, as the texts that are sealed."""
        rows = await self._fetch.read(_TEXTS, after, until, limit)
        return [(row[0], sealed_text(*row[:-2], count=row[-2], source=row[-1])) for row in rows]

    async def bound(self) -> int:
        """The number up to which the trail is final."""
        return int((await self._fetch.read(_BOUND))[0][0])

    async def blocks(self, *, after: int = 0, limit: int = 1000) -> Sequence[AuditBlock]:
        """Blocks, in the order of the chain."""
        return [AuditBlock(**row) for row in await self._fetch.read(_BLOCKS, after, limit)]

    async def last_block(self) -> AuditBlock | None:
        """The last block."""
        found = await self._fetch.read(_LAST)
        return AuditBlock(**found[0]) if found else None

    async def seal(self, block: AuditBlock) -> bool:
        """Add a block to the chain."""
        digests, time = block.digests, block.time
        values = block.number, block.first, block.last, digests, block.previous, time, block.key, block.hash
        return bool(await self._fetch.write(_SEAL, *values))

    async def last_cut(self) -> AuditCut | None:
        """The last cut."""
        found = await self._fetch.read(_LAST_CUT)
        return AuditCut(**found[0]) if found else None

    async def cut(self, cut: AuditCut, entry: AuditEntry) -> bool:
        """Take away what a cut says, and add the entry that tells of it."""
        chain = cut.number, cut.block, cut.entry, cut.previous
        told = cut.before, cut.rule, cut.time, cut.key, cut.hash, entries_as_json([entry])
        return bool((await self._fetch.write(_CUT, *chain, *told))[0][0])


def entries_as_json(entries: Sequence[AuditEntry]) -> str | None:
    """Entries of a batch as the functions of the database take them; None for none."""
    return json_text([_written(entry) for entry in entries]) if entries else None


def _written(entry: AuditEntry) -> dict[str, Any]:
    return {
        "message": _text(entry.message),
        "version": entry.version,
        "message_id": str(entry.message_id),
        "correlation_id": _text(entry.correlation_id),
        "causation_id": _text(entry.causation_id),
        "user_id": _text(entry.user_id),
        "tenant": _text(entry.tenant),
        "source": _text(entry.source),
        "payload": _text(entry.payload),
        "time": entry.time.isoformat(),
        "duration": entry.duration // MICROSECOND,
        "outcome": entry.outcome,
        "code": _text(entry.code),
        "count": entry.count,
    }


def _text(told: str | None) -> str | None:
    """What was told, without what PostgreSQL cannot hold: there is an entry whoever sends what."""
    return told if told is None or (told.isascii() and "\0" not in told) else _held(told)


def _held(told: str) -> str:
    return told.replace("\0", "\ufffd").encode(errors="replace").decode()


def _entry(duration: int, **facts: Any) -> AuditEntry:
    return AuditEntry(duration=timedelta(microseconds=duration), **facts)


_FIND: Final = (
    "SELECT number, message, version, message_id, correlation_id, causation_id, user_id, tenant, source, payload, time,"
    " duration, outcome, code, position, count"
    " FROM {schema}.twofold_audit WHERE number > $1 AND ($2::bigint IS NULL OR number <= $2)"
    " AND ($3::text IS NULL OR message = $3) AND ($4::uuid IS NULL OR message_id = $4)"
    " AND ($5::text IS NULL OR correlation_id = $5) AND ($6::text IS NULL OR user_id = $6)"
    " AND ($7::text IS NULL OR tenant = $7) AND ($8::text IS NULL OR outcome = $8)"
    " AND ($9::timestamptz IS NULL OR time >= $9) AND ($10::timestamptz IS NULL OR time < $10)"
    " ORDER BY number {order} LIMIT $11"
)
_TEXTS: Final = (
    "SELECT number, message, version, message_id::text, correlation_id, causation_id, user_id, tenant, payload,"
    " (extract(epoch FROM time) * 1000000)::bigint, duration, outcome, code, position, count, source"
    " FROM {schema}.twofold_audit WHERE number > $1 AND number <= $2 ORDER BY number LIMIT $3"
)
_BOUND: Final = "SELECT {schema}.twofold_audit_bound()"
_SELECT: Final = "SELECT number, first, last, digests, previous, time, key, hash FROM {schema}.twofold_audit_blocks"
_BLOCKS: Final = _SELECT + " WHERE number > $1 ORDER BY number LIMIT $2"
_LAST: Final = _SELECT + " ORDER BY number DESC LIMIT 1"
_SEAL: Final = (
    "INSERT INTO {schema}.twofold_audit_blocks (number, first, last, digests, previous, time, key, hash)"
    " SELECT $1::bigint, $2, $3, $4, $5, $6, $7, $8"
    " WHERE $1::bigint - 1 = (SELECT coalesce(max(number), 0) FROM {schema}.twofold_audit_blocks)"
    " ON CONFLICT DO NOTHING RETURNING number"
)
_LAST_CUT: Final = (
    "SELECT number, block, entry, previous, before, rule, time, key, hash"
    " FROM {schema}.twofold_audit_cuts ORDER BY number DESC LIMIT 1"
)
_CUT: Final = "SELECT {schema}.twofold_audit_cut($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
