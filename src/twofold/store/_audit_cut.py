"""A cut of the audit trail: whole blocks that were taken away as a rule says, and what is kept of them."""

from dataclasses import dataclass, replace
from datetime import datetime
from hmac import compare_digest
from typing import Final
from uuid import UUID

from twofold.clock import micros_of
from twofold.store._audit import AuditEntry, canonical
from twofold.store._audit_block import AuditBlock
from twofold.store._audit_keys import PLAIN, AuditKeys

CUT: Final = "twofold.audit_cut"
"""What entries are called that tell of a cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCut:
    """The beginning of the chain, up to and with a block, that was taken away; the last cut says where it begins now.

    Args:
        number: Its place among the cuts, from 1.
        block: The number of the last block that was taken away.
        entry: The number of the last entry that was taken away.
        previous: The hash of that block, which the first one that is kept follows.
        before: A time that all of it was sealed before, in UTC.
        rule: What was the reason.
        time: When it was taken away, in UTC.
        key: The id of the key that this is sealed under; `PLAIN` for none.
        hash: What seals this.
    """

    number: int
    block: int
    entry: int
    previous: bytes
    before: datetime
    rule: str
    time: datetime
    key: str = PLAIN
    hash: bytes

    @classmethod
    def of(
        cls,
        block: AuditBlock,
        behind: "AuditCut | None",
        *,
        before: datetime,
        rule: str,
        time: datetime,
        keys: AuditKeys,
    ) -> "AuditCut":
        """Cut the chain behind a block.

        Args:
            block: The last one to take away.
            behind: The last cut; None for the first one.
            before: A time that all of it was sealed before.
            rule: What is the reason.
            time: When it is taken away.
            keys: What this is sealed with.
        """
        draft = cls(
            number=1 if behind is None else behind.number + 1,
            block=block.number,
            entry=block.last,
            previous=block.hash,
            before=before,
            rule=rule,
            time=time,
            key=keys.current,
            hash=b"",
        )
        return replace(draft, hash=draft._sealed(keys))

    def is_sound(self, keys: AuditKeys) -> bool:
        """Whether it has the hash of all that it says.

        Raises:
            AuditKeyMissing: Its key is not among these.
        """
        return compare_digest(self.hash, self._sealed(keys))

    def told_by(self, entry: AuditEntry) -> bool:
        """Whether an entry of the trail tells of this cut."""
        return entry.message == CUT and entry.payload == self._payload

    def entry_of(self, user_id: str | None, message_id: UUID) -> AuditEntry:
        """The entry that tells of it, which is written with it.

        Args:
            user_id: Who has asked for it; None for the application itself.
            message_id: The id of the entry.
        """
        return AuditEntry.of_deed(CUT, self._payload, user_id=user_id, message_id=message_id, time=self.time)

    @property
    def _payload(self) -> str:
        facts = {
            "cut": self.number,
            "block": self.block,
            "entry": self.entry,
            "previous": self.previous.hex(),
            "before": self.before.isoformat(),
            "rule": self.rule,
            "time": self.time.isoformat(),
            "key": self.key,
            "hash": self.hash.hex(),
        }
        return canonical(facts)

    def _sealed(self, keys: AuditKeys) -> bytes:
        whole = self.number, self.block, self.entry, self.previous.hex(), micros_of(self.before), self.rule
        return keys.digest(self.key, canonical((CUT, *whole, micros_of(self.time), self.key)))
