"""A store whose personal data is encrypted: above it everything is readable, and below it nothing personal is.

It stands in front of the application's own store, so that whoever writes or reads the log, parked events and attempts
needs to know nothing of it. Entries of the audit trail stay encrypted for whoever proves them; `reveal` reads them.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar, final

from twofold.messages import Catalogue
from twofold.personal._documents import Document, Documents, Place, is_sealed, keys_of
from twofold.personal._keys import SubjectGone
from twofold.personal._log import PersonalLog, event_place, header_place
from twofold.personal._parked import PersonalParked
from twofold.personal._snapshots import PersonalSnapshots
from twofold.personal._vault import Vault
from twofold.store import (
    ATTEMPTS,
    IF_INTERRUPTED,
    Append,
    AuditEntry,
    Batch,
    Committed,
    Draft,
    Log,
    Reply,
    Snapshot,
    Store,
    StoreFront,
    Transaction,
    TransactionFront,
)

T = TypeVar("T")


@final
class PersonalStore(StoreFront):
    """A `Store` in front of another one.

    Args:
        behind: The other one.
        catalogue: Says which fields are personal.
        vault: Has the keys; opened and closed with the store.
        source: The store that has the log, when the other one has none of its own: in front of it.
    """

    def __init__(self, behind: Store, catalogue: Catalogue, vault: Vault, source: Store | None = None) -> None:
        super().__init__(behind)
        self.vault = vault
        self._catalogue = catalogue
        self._source = source
        self._documents = Documents(catalogue, vault)
        self._snapshots = PersonalSnapshots(behind, self._documents)

    @property
    def log(self) -> PersonalLog:
        """The log, decrypted."""
        return self.reading(self.behind.log)

    @property
    def parked(self) -> PersonalParked:
        """What followers have put aside, decrypted."""
        return PersonalParked(self.behind.parked, (self._source or self.behind).log, self._documents)

    def in_front_of(self, store: Store) -> "PersonalStore":
        """The same in front of another store, with the same keys."""
        return PersonalStore(store, self._catalogue, self.vault, self._source)

    async def start(self) -> None:
        """Open the keys, and the other one."""
        await self.vault.start()
        try:
            await self.behind.start()
        except BaseException:
            await self.vault.stop()
            raise

    async def stop(self) -> None:
        """Close the other one, and the keys."""
        try:
            await self.behind.stop()
        finally:
            await self.vault.stop()

    async def commit(self, batch: Batch) -> Committed:
        """Write a batch, encrypted.

        Raises:
            SubjectGone: It has an event with data of an erased subject; nothing was written.
        """
        return await self.behind.commit(await self.sealed(batch))

    async def find_reply(self, key: bytes, now: datetime) -> Reply | None:
        """Find it in the other one, decrypted.

        Raises:
            SubjectGone: It was kept with data of a subject that is erased.
        """
        return await self.reply(await self.behind.find_reply(key, now))

    async def find_snapshot(self, stream: str) -> Snapshot | None:
        """Find it in the other one, decrypted, or a marker when somebody is erased whom it tells of."""
        return await self._snapshots.find(stream)

    def begin(self) -> Transaction:
        """A transaction of the other one, whose batch is encrypted."""
        return _PersonalTransaction(self, self.behind.begin())

    def reading(self, log: Log) -> PersonalLog:
        """A log that is kept encrypted, decrypted."""
        return PersonalLog(log, self._documents)

    async def reveal(self, entries: Sequence[AuditEntry]) -> Sequence[AuditEntry]:
        """Entries of the audit trail with their personal fields decrypted, or marked as erased."""
        opened = await self._documents.open([Document(one.payload.encode(), _audit_place(one)) for one in entries])
        return [one._replace(payload=data.decode()) for one, data in zip(entries, opened, strict=True)]

    async def sealed(self, batch: Batch) -> Batch:
        """A batch as it is written."""
        if not (batch.appends or batch.parks or batch.reparks or batch.audit or batch.snapshots):
            return batch
        appends = tuple([await self._append(one) for one in batch.appends])
        audit = tuple([await self._entry(one) for one in batch.audit])
        reply = batch.reply
        if reply is not None:
            # Nobody says what of an answer is personal: it goes with whomever its command has recorded something of.
            kept = [*(draft.data for one in appends for draft in one.events), *(one.payload.encode() for one in audit)]
            if keys := {key for data in kept for key in keys_of(data)}:
                sealed = await self._documents.seal_text(reply.value, keys, _reply_place(reply))
                reply = reply._replace(value=sealed.encode())
        parks = tuple([await self.parked.sealed(one) for one in batch.parks])
        reparks = tuple([await self.parked.sealed(one) for one in batch.reparks])
        found = [await self._snapshots.sealed(one) for one in batch.snapshots]
        snapshots = tuple([one for one in found if one is not None])
        return batch._replace(
            appends=appends, audit=audit, reply=reply, parks=parks, reparks=reparks, snapshots=snapshots
        )

    async def reply(self, reply: Reply | None) -> Reply | None:
        """A reply, decrypted.

        Raises:
            SubjectGone: It was kept with data of a subject that is erased.
        """
        text = "" if reply is None else reply.value.decode(errors="replace")
        if reply is None or not is_sealed(text):
            return reply
        value = await self._documents.open_text(text, _reply_place(reply))
        if value is None:
            raise SubjectGone("whom this was answered about")
        return reply._replace(value=value)

    async def _append(self, append: Append) -> Append:
        return append._replace(events=tuple([await self._draft(append.stream, one) for one in append.events]))

    async def _draft(self, stream: str, draft: Draft) -> Draft:
        document = Document(draft.data, event_place(stream, str(draft.id), draft.type))
        # What has begun comes to an end: that of an attempt is told without what was erased meanwhile.
        data = await self._documents.seal(draft.type, document, strict=not stream.startswith(ATTEMPTS))
        beside, headers = draft.headers.get(IF_INTERRUPTED), draft.headers
        if beside is not None:
            name, version, text = beside.split(" ", 2)
            lying = Document(text.encode(), header_place(stream, str(draft.id), name))
            sealed = await self._documents.seal(name, lying, strict=False)
            headers = {**headers, IF_INTERRUPTED: f"{name} {version} {sealed.decode()}"}
        return draft._replace(data=data, headers=headers)

    async def _entry(self, entry: AuditEntry) -> AuditEntry:
        document = Document(entry.payload.encode(), _audit_place(entry))
        data = await self._documents.seal(entry.message, document, strict=False)
        return entry if data is document.data else entry._replace(payload=data.decode())


@final
class _PersonalTransaction(TransactionFront):
    __slots__ = ("_store",)

    def __init__(self, store: PersonalStore, behind: Transaction) -> None:
        super().__init__(behind)
        self._store = store

    async def claim(self, key: bytes, now: datetime, wait: float) -> Reply | None:
        return await self._store.reply(await super().claim(key, now, wait))

    async def commit(self, batch: Batch) -> Committed:
        return await super().commit(await self._store.sealed(batch))


def _reply_place(reply: Reply) -> Place:
    return "reply", reply.key.hex()


def _audit_place(entry: AuditEntry) -> Place:
    return "audit", str(entry.message_id), entry.message
