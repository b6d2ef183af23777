"""The audit trail: an entry for every command, sealed afterwards in blocks that are chained by their hashes.

Entries are written by batches, with what their command commits; they are read and sealed here. Nothing changes one.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final, Protocol
from uuid import UUID

SUCCESS: Final = "success"
"""The outcome of a command that has committed."""

CRASHED: Final = "crashed"
"""The outcome of a command whose handler raised what nobody has classified."""

UNDONE: Final = "undone"
"""The outcome of a command that was answered inside another one, which took it back with all else."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """What is known of one command that was sent.

    Args:
        message: Its wire name.
        version: The version of its schema.
        message_id: Its id.
        correlation_id: Joins everything that one request caused.
        causation_id: The id of the message that caused it; None for the first.
        user_id: Who sent it.
        tenant: The tenant they acted for.
        payload: The command as JSON, without its secrets; `null` for one that is not as its type says.
        time: When it was sent, in UTC.
        duration: How long it took up to its commit, or to its end without one; to the microsecond.
        outcome: `success`, the category of its error, `crashed`, `cancelled`, or `undone`.
        code: The code of its error; empty when there was none.
        position: The position in the log up to which it, or what it was a part of, has appended; 0 for nothing.
        number: Its place in the trail; the store gives it.
    """

    message: str
    version: int
    message_id: UUID
    correlation_id: str
    causation_id: str | None
    user_id: str | None
    tenant: str | None
    payload: str
    time: datetime
    duration: timedelta
    outcome: str
    code: str = ""
    position: int = 0
    number: int = 0

    @property
    def digest(self) -> bytes:
        """The SHA-256 of everything that it says, its number included."""
        facts = (
            self.number,
            self.message,
            self.version,
            str(self.message_id),
            self.correlation_id,
            self.causation_id,
            self.user_id,
            self.tenant,
            self.payload,
            (self.time - _EPOCH) // _MICROSECOND,
            self.duration // _MICROSECOND,
            self.outcome,
            self.code,
            self.position,
        )
        return sha256(_json(facts).encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditBlock:
    """Entries that are sealed together: each has its digest in here, and the block has that of the one before it.

    Args:
        number: Its place in the chain, from 1.
        first: The number of its first entry.
        last: The number of its last entry.
        digests: The digests of its entries, one behind the other.
        previous: The hash of the block before it; empty for the first.
        time: When it was sealed, in UTC.
        hash: What it is chained by.
    """

    number: int
    first: int
    last: int
    digests: bytes
    previous: bytes
    time: datetime
    hash: bytes

    @classmethod
    def of(cls, entries: Sequence[AuditEntry], behind: "AuditBlock | None", time: datetime) -> "AuditBlock":
        """Seal entries.

        Args:
            entries: At least one, in the order of their numbers.
            behind: The last block; None for the first one.
            time: When it is sealed.
        """
        draft = cls(
            number=1 if behind is None else behind.number + 1,
            first=entries[0].number,
            last=entries[-1].number,
            digests=b"".join(entry.digest for entry in entries),
            previous=b"" if behind is None else behind.hash,
            time=time,
            hash=b"",
        )
        return cls(**{name: getattr(draft, name) for name in _SEALED}, hash=draft.sealed)

    @property
    def count(self) -> int:
        """How many entries it seals."""
        return len(self.digests) // DIGEST_SIZE

    @property
    def sealed(self) -> bytes:
        """The hash that it must have: SHA-256 over all that it says."""
        moment = (self.time - _EPOCH) // _MICROSECOND
        facts = self.number, self.first, self.last, self.digests.hex(), self.previous.hex(), moment
        return sha256(_json(facts).encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSearch:
    """Which entries are meant; None is for any.

    Args:
        message: The wire name of the command.
        message_id: The id of the command.
        correlation_id: What it was a part of.
        user_id: Who sent it.
        tenant: For which tenant.
        outcome: How it ended.
        since: Sent at this time or later.
        until: Sent before this time.
    """

    message: str | None = None
    message_id: UUID | None = None
    correlation_id: str | None = None
    user_id: str | None = None
    tenant: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def __contains__(self, entry: AuditEntry) -> bool:
        wanted = ((name, getattr(self, name)) for name in _EQUAL)
        return (
            all(value is None or value == getattr(entry, name) for name, value in wanted)
            and (self.since is None or self.since <= entry.time)
            and (self.until is None or entry.time < self.until)
        )


class AuditTrail(Protocol):
    """The audit trail of a store."""

    async def find(
        self, search: AuditSearch, *, after: int = 0, until: int | None = None, newest: bool = False, limit: int = 1000
    ) -> Sequence[AuditEntry]:
        """Entries, by number.

        Args:
            search: Which.
            after: Only those behind this number.
            until: Only those up to this number; all unless given.
            newest: Whether the newest come first.
            limit: How many at most.
        """
        ...

    async def bound(self) -> int:
        """The number up to which the trail is final: what is written from now on comes behind it."""
        ...

    async def blocks(self, *, after: int = 0, limit: int = 1000) -> Sequence[AuditBlock]:
        """Blocks behind one of this number, in the order of the chain."""
        ...

    async def last_block(self) -> AuditBlock | None:
        """The last block; None when nothing is sealed yet."""
        ...

    async def seal(self, block: AuditBlock) -> bool:
        """Add a block to the chain.

        Returns:
            Whether it is in it; not when somebody else has sealed one of this number before.
        """
        ...


_json: Final = json.JSONEncoder(separators=(",", ":")).encode
_SEALED: Final = ("number", "first", "last", "digests", "previous", "time")
_EQUAL: Final = ("message", "message_id", "correlation_id", "user_id", "tenant", "outcome")
DIGEST_SIZE: Final = sha256().digest_size
