"""The audit trail: read on the reader connections, sealed and cut by the writer; entries come with batches."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from sqlite3 import Connection
from typing import Any, final

from twofold.clock import micros_of, time_of, uuid_of
from twofold.drivers.sqlite._entries import add_entries, audit_row
from twofold.drivers.sqlite._guard import own
from twofold.drivers.sqlite._readers import Readers
from twofold.drivers.sqlite._texts import texts
from twofold.drivers.sqlite._writer import Writer
from twofold.store import AuditBlock, AuditCut, AuditEntry, AuditSearch


@final
class SqliteAudit:
    """The audit trail in one SQLite file.

    Args:
        readers: Who reads it.
        writer: Who writes its blocks.
    """

    __slots__ = ("_readers", "_writer")

    def __init__(self, readers: Readers, writer: Writer) -> None:
        self._readers = readers
        self._writer = writer

    async def find(
        self, search: AuditSearch, *, after: int = 0, until: int | None = None, newest: bool = False, limit: int = 1000
    ) -> Sequence[AuditEntry]:
        """Entries, by number."""
        query = _FIND.format(" DESC" if newest else "")
        values = {
            "after": after,
            "until": until,
            "limit": limit,
            "message": search.message,
            "message_id": None if search.message_id is None else search.message_id.bytes,
            "correlation_id": search.correlation_id,
            "user_id": search.user_id,
            "tenant": search.tenant,
            "outcome": search.outcome,
            "since": _moment(search.since),
            "before": _moment(search.until),
        }

        def found(connection: Connection) -> list[AuditEntry]:
            return [_entry(*row) for row in connection.execute(query, values)]

        return await self._readers.run(found)

    async def texts(self, *, after: int, until: int, limit: int) -> Sequence[tuple[int, str]]:
        """What entries say, as the texts that are sealed."""
        return await self._readers.run(lambda connection: texts(connection, after, until, limit))

    async def bound(self) -> int:
        """The number up to which the trail is final: there is one writer."""
        return await self._readers.run(lambda connection: int(connection.execute(_BOUND).fetchone()[0]))

    async def blocks(self, *, after: int = 0, limit: int = 1000) -> Sequence[AuditBlock]:
        """Blocks, in the order of the chain."""

        def found(connection: Connection) -> list[AuditBlock]:
            return [_block(*row) for row in connection.execute(_BLOCKS, (after, limit))]

        return await self._readers.run(found)

    async def last_block(self) -> AuditBlock | None:
        """The last block."""

        def found(connection: Connection) -> AuditBlock | None:
            row = connection.execute(_LAST).fetchone()
            return None if row is None else _block(*row)

        return await self._readers.run(found)

    async def seal(self, block: AuditBlock) -> bool:
        """Add a block to the chain."""
        number, first, last, digests = block.number, block.first, block.last, block.digests
        values = (number, first, last, digests, block.previous, _moment(block.time), block.key, block.hash, number - 1)
        return await self._writer.change(lambda connection: connection.execute(_SEAL, values).rowcount) > 0

    async def last_cut(self) -> AuditCut | None:
        """The last cut."""

        def found(connection: Connection) -> AuditCut | None:
            row = connection.execute(_LAST_CUT).fetchone()
            return None if row is None else _cut(*row)

        return await self._readers.run(found)

    async def cut(self, cut: AuditCut, entry: AuditEntry) -> bool:
        """Take away what a cut says, and add the entry that tells of it."""
        values = {
            "number": cut.number,
            "block": cut.block,
            "entry": cut.entry,
            "previous": cut.previous,
            "before": _moment(cut.before),
            "rule": cut.rule,
            "time": _moment(cut.time),
            "key": cut.key,
            "hash": cut.hash,
        }
        row = audit_row(entry)

        def done(connection: Connection) -> bool:
            if not connection.execute(_CUT, values).rowcount:
                return False
            connection.execute(own("DELETE FROM twofold_audit WHERE number <= ?"), (cut.entry,))
            connection.execute(own("DELETE FROM twofold_audit_blocks WHERE number <= ?"), (cut.block,))
            add_entries(connection, [row], 0)
            return True

        return await self._writer.change(done)


def _moment(time: datetime | None) -> int | None:
    return None if time is None else micros_of(time)


def _entry(number: int, message: str, version: int, message_id: bytes, *others: Any) -> AuditEntry:
    correlation_id, causation_id, user_id, tenant, source, payload, time, duration, outcome, code, position, count = (
        others
    )
    return AuditEntry(
        number=number,
        message=message,
        version=version,
        message_id=uuid_of(int.from_bytes(message_id)),
        correlation_id=correlation_id,
        causation_id=causation_id,
        user_id=user_id,
        tenant=tenant,
        source=source,
        payload=payload,
        time=time_of(time),
        duration=timedelta(0, 0, duration),
        outcome=outcome,
        code=code,
        position=position,
        count=count,
    )


def _block(
    number: int, first: int, last: int, digests: bytes, previous: bytes, time: int, key: str, hash_: bytes
) -> AuditBlock:
    return AuditBlock(
        number=number,
        first=first,
        last=last,
        digests=digests,
        previous=previous,
        time=time_of(time),
        key=key,
        hash=hash_,
    )


def _cut(
    number: int, block: int, entry: int, previous: bytes, before: int, rule: str, time: int, key: str, hash_: bytes
) -> AuditCut:
    return AuditCut(
        number=number,
        block=block,
        entry=entry,
        previous=previous,
        before=time_of(before),
        rule=rule,
        time=time_of(time),
        key=key,
        hash=hash_,
    )


_FIND = (
    "SELECT number, message, version, message_id, correlation_id, causation_id, user_id, tenant, source, payload,"
    " time, duration, outcome, code, position, count"
    " FROM twofold_audit WHERE number > :after AND (:until IS NULL OR number <= :until)"
    " AND (:message IS NULL OR message = :message) AND (:message_id IS NULL OR message_id = :message_id)"
    " AND (:correlation_id IS NULL OR correlation_id = :correlation_id)"
    " AND (:user_id IS NULL OR user_id = :user_id) AND (:tenant IS NULL OR tenant = :tenant)"
    " AND (:outcome IS NULL OR outcome = :outcome)"
    " AND (:since IS NULL OR time >= :since) AND (:before IS NULL OR time < :before) ORDER BY number{} LIMIT :limit"
)
_BOUND = "SELECT coalesce(max(number), 0) FROM twofold_audit"
_SELECT = "SELECT number, first, last, digests, previous, time, key, hash FROM twofold_audit_blocks"
_BLOCKS = _SELECT + " WHERE number > ? ORDER BY number LIMIT ?"
_LAST = _SELECT + " ORDER BY number DESC LIMIT 1"
_SEAL = own(
    "INSERT INTO twofold_audit_blocks (number, first, last, digests, previous, time, key, hash)"
    " SELECT ?, ?, ?, ?, ?, ?, ?, ? WHERE ? = (SELECT coalesce(max(number), 0) FROM twofold_audit_blocks)"
)
_LAST_CUT = (
    "SELECT number, block, entry, previous, before, rule, time, key, hash"
    " FROM twofold_audit_cuts ORDER BY number DESC LIMIT 1"
)
_CUT = own(
    "INSERT INTO twofold_audit_cuts (number, block, entry, previous, before, rule, time, key, hash)"
    " SELECT :number, :block, :entry, :previous, :before, :rule, :time, :key, :hash"
    " WHERE :number = (SELECT coalesce(max(number), 0) + 1 FROM twofold_audit_cuts)"
    " AND EXISTS (SELECT 1 FROM twofold_audit_blocks WHERE number = :block AND last = :entry AND hash = :previous"
    " AND time < :before AND number < (SELECT max(number) FROM twofold_audit_blocks))"
)
