"""Encrypting and decrypting for subjects: AES-256-GCM (NIST SP 800-38D), with keys that are remembered for a while.

What is encrypted is bound to its place: moved to another event, field or entry, it reads as nothing. A key that is
destroyed by this process, or whose end it reads in the log, is forgotten at once; other processes forget it within
`LIFE`.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from twofold.personal._keys import Key, KeyStore, KeyUnknown, ProvableKeyStore

LIFE: Final = 30.0
"""How long a key is remembered, in seconds."""

_MOST: Final = 10_000
_NONCE: Final = 12


@final
class Vault:
    """The keys of an application.

    Args:
        keys: Where they are kept.
        monotonic: Tells how much time has passed.
    """

    def __init__(self, keys: KeyStore, monotonic: Callable[[], float]) -> None:
        self.store = keys
        self._monotonic = monotonic
        self._users = 0
        self._known: dict[UUID, tuple[Key, float]] = {}
        self._by_subject: dict[str, UUID] = {}
        self._forgotten = 0

    async def start(self) -> None:
        """Open the store of the keys, for whoever else has it open too.

        Raises:
            StoreUnavailable: It cannot be opened.
        """
        await self.store.start()
        self._users += 1

    async def stop(self) -> None:
        """Close it, once nobody has it open any more; harmless when it is closed."""
        self._users = max(self._users - 1, 0)
        if not self._users:
            await self.store.stop()

    async def prove(self) -> None:
        """See that its keys can be opened, as far as their store can tell.

        Raises:
            MasterKeyMissing: None of the master keys that are given opens the newest one.
            StoreUnavailable: Nobody can tell now.
        """
        if isinstance(self.store, ProvableKeyStore):
            await self.store.prove()

    async def destroy(self, subject: str) -> UUID | None:
        """Destroy the key of a subject for good; its id, None when there was none.

        Raises:
            StoreUnavailable: Nobody can tell whether it is destroyed.
        """
        try:
            return await self.store.destroy(subject)
        finally:
            self.forget(subject)

    async def key_of(self, subject: str) -> Key:
        """The key of a subject, made when there was none.

        Raises:
            StoreUnavailable: Nobody can tell now.
        """
        held, asked = self._by_subject.get(subject), self._forgotten
        key = None if held is None else self._remembered(held)
        return key or self._keep(await self.store.key_of(subject), asked)

    async def find(self, ids: Collection[UUID]) -> Mapping[UUID, Key]:
        """The keys with some ids.

        Raises:
            KeyUnknown: One was never kept.
            StoreUnavailable: Nobody can tell now.
        """
        found = {one: key for one in ids if (key := self._remembered(one)) is not None}
        wanted, asked = [one for one in ids if one not in found], self._forgotten
        if wanted:
            read = await self.store.find(wanted)
            for one in wanted:
                if one not in read:
                    raise KeyUnknown(one)
                found[one] = self._keep(read[one], asked)
        return found

    def forget(self, subject: str) -> None:
        """Remember the key of a subject no longer."""
        self._forgotten += 1
        self._known.pop(self._by_subject.pop(subject, _NOBODY), None)

    def _remembered(self, key: UUID) -> Key | None:
        held, until = self._known.get(key, (None, 0.0))
        return held if self._monotonic() < until else None

    def _keep(self, key: Key, asked: int) -> Key:
        if asked != self._forgotten:  # while the store was asked: it may be this one, as it was before
            return key
        if len(self._known) >= _MOST:
            self._known.clear()
            self._by_subject.clear()
        self._known[key.id] = key, self._monotonic() + LIFE
        self._by_subject[key.subject] = key.id
        return key


def together(keys: Sequence[Key]) -> Key:
    """One key made of several with HKDF-SHA256 (RFC 5869): without any one of them nobody can make it.

    Args:
        keys: At least one, each time in the same order. When one is destroyed, so is what is made.
    """
    secrets = [key.secret for key in keys if key.secret is not None]
    if len(secrets) < len(keys):
        return keys[0]._replace(secret=None)
    made = HKDF(SHA256(), len(secrets[0]), salt=None, info=_TOGETHER).derive(b"".join(secrets))
    return keys[0]._replace(secret=made)


def encrypt(plain: bytes, key: Key, place: bytes) -> str:
    """What may be kept instead of something: the id of the key, and what it has made of it.

    Args:
        plain: What is to be kept.
        key: A key that is not destroyed.
        place: Where it is kept, and nowhere else.

    Raises:
        ValueError: The key is destroyed.
    """
    if key.secret is None:
        raise ValueError(f"{key!r} encrypts nothing any more")
    nonce = os.urandom(_NONCE)
    made = nonce + AESGCM(key.secret).encrypt(nonce, plain, place)
    return f"{key.id.hex}.{urlsafe_b64encode(made).decode('ascii')}"


def key_in(text: str) -> UUID | None:
    """The id of the key that something is encrypted under; None when it is nothing of the kind."""
    head, dot, _ = text.partition(".")
    try:
        return UUID(hex=head) if dot else None
    except ValueError:
        return None


def decrypt(text: str, key: Key, place: bytes) -> bytes | None:
    """What was encrypted; None when it was for another place, or is changed.

    Args:
        text: What `encrypt` has made.
        key: Its key, which is not destroyed.
        place: Where it is kept.
    """
    if key.secret is None:
        return None
    try:
        made = urlsafe_b64decode(text.partition(".")[2])
        return AESGCM(key.secret).decrypt(made[:_NONCE], made[_NONCE:], place)
    except (InvalidTag, ValueError):
        return None


_TOGETHER: Final = b"twofold keys of several subjects"
_NOBODY: Final = UUID(int=0)
