"""A block of the audit trail: entries sealed together, and chained to the block before them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hmac import compare_digest

from twofold.clock import micros_of
from twofold.store._audit import canonical
from twofold.store._audit_keys import DIGEST_SIZE, NO_KEYS, PLAIN, AuditKeys


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
        key: The id of the key that it and its entries are sealed under; `PLAIN` for none.
        hash: What it is chained by.
    """

    number: int
    first: int
    last: int
    digests: bytes
    previous: bytes
    time: datetime
    key: str = PLAIN
    hash: bytes

    @classmethod
    def of(
        cls,
        texts: Sequence[tuple[int, str]],
        behind: "AuditBlock | None",
        time: datetime,
        keys: AuditKeys = NO_KEYS,
    ) -> "AuditBlock":
        """Seal entries.

        Args:
            texts: What they say, each behind its number; at least one, in the order of the numbers.
            behind: The last block; None for the first one.
            time: When it is sealed.
            keys: What it is sealed with.

        Raises:
            AuditKeyMissing: The last block was sealed under a key, and none is given.
        """
        key = keys.go_on(PLAIN if behind is None else behind.key)
        draft = cls(
            number=1 if behind is None else behind.number + 1,
            first=texts[0][0],
            last=texts[-1][0],
            digests=b"".join([keys.digest(key, text) for _, text in texts]),
            previous=b"" if behind is None else behind.hash,
            time=time,
            key=key,
            hash=b"",
        )
        return replace(draft, hash=draft._sealed(keys))

    @property
    def count(self) -> int:
        """How many entries it seals."""
        return len(self.digests) // DIGEST_SIZE

    def is_sound(self, keys: AuditKeys) -> bool:
        """Whether it has the hash of all that it says.

        Raises:
            AuditKeyMissing: Its key is not among these.
        """
        return compare_digest(self.hash, self._sealed(keys))

    def _sealed(self, keys: AuditKeys) -> bytes:
        facts = self.number, self.first, self.last, self.digests.hex(), self.previous.hex(), micros_of(self.time)
        return keys.digest(self.key, canonical(facts if self.key == PLAIN else (*facts, self.key)))
