"""Keys that are forgotten with their process: for tests, and the reference of the port."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import final
from uuid import UUID

from twofold.clock import new_id
from twofold.personal._keys import Key


@final
class MemoryKeyStore:
    """A `KeyStore` in memory."""

    __slots__ = ("_ids", "_keys")

    def __init__(self) -> None:
        self._keys: dict[str, Key] = {}
        self._ids: dict[UUID, str] = {}

    async def start(self) -> None:
        """Nothing is opened."""

    async def stop(self) -> None:
        """Nothing is closed: whoever has the object still has its keys."""

    async def key_of(self, subject: str) -> Key:
        """The key of a subject, made when there was none."""
        return self._keys.get(subject) or self._keep(Key(new_id(), subject, secrets.token_bytes(32)))

    async def find(self, ids: Collection[UUID]) -> Mapping[UUID, Key]:
        """The keys with some ids."""
        return {one: self._keys[self._ids[one]] for one in ids if one in self._ids}

    async def destroy(self, subject: str) -> UUID | None:
        """Destroy the key of a subject for good."""
        before = self._keys.get(subject)
        self._keep(Key(before.id if before else new_id(), subject, None))
        return before.id if before else None

    async def subjects(self) -> Sequence[str]:
        """Whose keys there are."""
        return sorted(subject for subject, key in self._keys.items() if key.secret is not None)

    def _keep(self, key: Key) -> Key:
        self._keys[key.subject], self._ids[key.id] = key, key.subject
        return key
