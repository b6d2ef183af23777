"""The audit trail of an application, for people: what was sent, by whom, how it ended, and what caused what."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import ClassVar, NamedTuple, final
from uuid import UUID

from twofold.clock import Clock
from twofold.errors import NotFound
from twofold.store import (
    AuditEntry,
    AuditKeys,
    AuditSearch,
    Pruned,
    RevealingStore,
    Store,
    Verdict,
    foundation,
    prunable,
    prune,
    seal,
    verify,
)

_PAGE = 1000
_NEAR = 32
"""How many events are read at once in front of an entry, where those of its own command are."""


class NotAudited(NotFound):
    """The trail has nothing of a message.

    Args:
        what: The message.
    """

    code: ClassVar[str] = "not_audited"

    def __init__(self, what: str) -> None:
        super().__init__(f"the audit trail has nothing of {what}")
        self.what = what

    @property
    def hint(self) -> str:
        """Where to look."""
        return "`twofold audit list` shows what it has"


class Branch(NamedTuple):
    """An entry with what its command caused.

    Args:
        entry: The entry.
        caused: What came of it, in the order of the trail.
    """

    entry: AuditEntry
    caused: "tuple[Branch, ...]" = ()


@final
class Audit:
    """The audit trail of an application.

    Args:
        store: Where it is.
        clock: Tells when something is sealed.
        keys: Reads the keys that it is sealed under.
    """

    __slots__ = ("_clock", "_keys", "_store")

    def __init__(self, store: Store, clock: Clock, keys: Callable[[], AuditKeys]) -> None:
        self._store = store
        self._clock = clock
        self._keys = keys

    async def entries(
        self,
        *,
        message: str | None = None,
        message_id: UUID | None = None,
        correlation_id: str | None = None,
        user_id: str | None = None,
        tenant: str | None = None,
        outcome: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        newest: bool = False,
        limit: int | None = None,
    ) -> AsyncIterator[AuditEntry]:
        """Entries, in the order of the trail; those that are written meanwhile are not among them.

        Args:
            message: Of commands with this wire name.
            message_id: Of this command.
            correlation_id: Of this request.
            user_id: Of what this user has sent.
            tenant: Of what was sent for this tenant.
            outcome: Of what ended so: `success`, the category of an error, `crashed`, `cancelled`, `undone`,
                or `replayed`.
            since: Of what was sent at this time or later.
            until: Of what was sent before this time.
            newest: Whether the newest come first.
            limit: How many at most; all unless given.
        """
        search = AuditSearch(
            message=message,
            message_id=message_id,
            correlation_id=correlation_id,
            user_id=user_id,
            tenant=tenant,
            outcome=outcome,
            since=since,
            until=until,
        )
        after, left, trail = 0, limit, self._store.audit
        until_number: int | None = await trail.bound()
        while left is None or left > 0:
            wanted = _PAGE if left is None else min(left, _PAGE)
            page = await trail.find(search, after=after, until=until_number, newest=newest, limit=wanted)
            for entry in page:
                yield entry
            if len(page) < wanted:
                return
            left = None if left is None else left - len(page)
            if newest:
                until_number = page[-1].number - 1
            else:
                after = page[-1].number

    async def get(self, message_id: UUID) -> AuditEntry:
        """The last entry of a command, with its personal data decrypted.

        Raises:
            NotAudited: There is none.
            StoreUnavailable: The keys of its personal data cannot be read now.
        """
        async for entry in self.entries(message_id=message_id, newest=True, limit=1):
            return await self.reveal(entry)
        raise NotAudited(f"the message {message_id}")

    async def reveal(self, entry: AuditEntry) -> AuditEntry:
        """An entry with its personal data decrypted, or marked as erased; `entries` gives it as it is sealed.

        Raises:
            StoreUnavailable: The keys cannot be read now.
        """
        store = self._store
        return (await store.reveal([entry]))[0] if isinstance(store, RevealingStore) else entry

    async def tree(self, correlation_id: str) -> Sequence[Branch]:
        """What one request has caused, as far as it was commands: each below the one whose handler sent it.

        What a reaction has sent is below the command that has recorded its event, as long as both are kept.

        Args:
            correlation_id: Joins everything that the request caused.

        Returns:
            The commands that no command of the request has caused, with everything below them.
        """
        entries = [entry async for entry in self.entries(correlation_id=correlation_id)]
        known = {str(entry.message_id) for entry in entries}
        causes = await self._causes(correlation_id, entries, known)
        below: dict[str | None, list[AuditEntry]] = {}
        for entry in entries:
            below.setdefault(_cause(entry, known, causes), []).append(entry)
        return _branches(below)

    async def _causes(
        self, correlation_id: str, entries: Sequence[AuditEntry], known: Collection[str]
    ) -> dict[str, str]:
        """What has caused each event of a request, by its id; nothing is read unless a command has come of an event."""
        causes: dict[str, str] = {}
        wanted = {one.causation_id for one in entries if one.causation_id is not None} - set(known)
        log = foundation(self._store).log  # as it is kept: of personal data nothing is read, so no key is needed
        # From the first one on: what has caused an event was read before it.
        for until in sorted({entry.position for entry in entries}):
            while until > 0 and not wanted <= causes.keys():
                page = await log.read(max(until - _NEAR, 0), until=until, limit=_NEAR)
                own = [event for event in page if event.headers.get("correlation_id") == correlation_id]
                causes |= {
                    str(event.id): event.headers["causation_id"] for event in own if "causation_id" in event.headers
                }
                if not own or len(own) < len(page):
                    break
                until = page[0].position - 1
        return causes

    async def seal(self) -> int:
        """Seal what is in the trail now, instead of waiting for a worker to do it.

        Returns:
            How many entries it has sealed.

        Raises:
            AuditKeyMissing: The last block was sealed under a key, and none is given.
        """
        return await seal(self._store.audit, self._clock.now(), self._keys())

    async def verify(self, *, anchor: bytes | None = None) -> Verdict:
        """Prove that every sealed entry and every block is as it was sealed.

        Args:
            anchor: The hash of a block, as somebody has noted it elsewhere: without one, nobody can tell that the end
                was cut off.

        Raises:
            AuditKeyMissing: It was sealed under a key that is not given, so that nothing can be said.
        """
        return await verify(self._store.audit, anchor, self._keys())

    async def prune(
        self, before: datetime, *, rule: str = "by hand", user_id: str | None = None, dry_run: bool = False
    ) -> Pruned:
        """Take away what was sealed before some time, in whole blocks; what is kept can still be proved.

        An entry tells of it, and so does every proof from then on. The last block is kept, however old it is.

        Args:
            before: Only what was sealed before this time.
            rule: What is the reason.
            user_id: Who has asked for it.
            dry_run: Whether to tell only what would be taken away.

        Returns:
            What was taken away.

        Raises:
            AuditKeyMissing: The trail is sealed under a key, and none is given.
        """
        trail = self._store.audit
        if dry_run:
            return await prunable(trail, before)
        done, keys = Pruned(), self._keys()
        while taken := await prune(trail, before, rule=rule, now=self._clock.now(), keys=keys, user_id=user_id):
            done += taken
        return done


def _branches(below: dict[str | None, list[AuditEntry]]) -> tuple[Branch, ...]:
    # What is taken out cannot come again, whatever circle a damaged trail may hold; and no chain is too long.
    roots = below.pop(None, [])
    found: list[tuple[AuditEntry, list[AuditEntry]]] = []
    waiting = roots[::-1]
    while waiting:
        entry = waiting.pop()
        caused = below.pop(str(entry.message_id), [])
        found.append((entry, caused))
        waiting.extend(reversed(caused))
    made: dict[int, Branch] = {}
    for entry, caused in reversed(found):
        made[entry.number] = Branch(entry=entry, caused=tuple(made[one.number] for one in caused))
    return tuple(made[entry.number] for entry in roots)


def _cause(entry: AuditEntry, known: Collection[str], causes: Mapping[str, str]) -> str | None:
    cause, seen = entry.causation_id, set[str]()
    while cause is not None and cause not in known and cause not in seen:
        seen.add(cause)
        cause = causes.get(cause)
    return cause if cause is not None and cause in known else None
