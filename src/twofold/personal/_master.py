"""Master keys: what the keys of subjects are encrypted with in their database, so that a copy of it reads nothing.

They are given as text and stretched to 32 bytes with HKDF-SHA256 (RFC 5869). The first encrypts, all decrypt: a new one
is put in front, and the older ones stay for what they have encrypted.
"""

import os
from typing import ClassVar, Final, final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from twofold.errors import Unavailable, WiringError

SHORTEST: Final = 32
"""How many characters a master key has at least."""

_NONCE: Final = 12


class MasterKeyMissing(Unavailable):
    """The key of a subject is encrypted under a master key that is not given."""

    code: ClassVar[str] = "master_key_missing"

    @property
    def hint(self) -> str:
        """How they are given."""
        return "set TWOFOLD_PERSONAL_KEY or TWOFOLD_PERSONAL_KEY_FILE to every master key, the newest first"


@final
class MasterKeys:
    """What wraps and unwraps keys.

    Args:
        keys: The newest first.

    Raises:
        WiringError: There is none, or one is too short.
    """

    __slots__ = ("_keys",)

    def __init__(self, *keys: str) -> None:
        if not keys or any(len(key) < SHORTEST for key in keys):
            raise WiringError(
                f"keys of personal data need a master key of {SHORTEST} characters or more:"
                " set TWOFOLD_PERSONAL_KEY or TWOFOLD_PERSONAL_KEY_FILE"
            )
        self._keys = [AESGCM(_stretched(key)) for key in keys]

    def wrap(self, secret: bytes, key: UUID, subject: str) -> bytes:
        """A secret, encrypted for its place."""
        nonce = os.urandom(_NONCE)
        return nonce + self._keys[0].encrypt(nonce, secret, _place(key, subject))

    def unwrap(self, wrapped: bytes, key: UUID, subject: str) -> bytes:
        """The secret again.

        Raises:
            MasterKeyMissing: None of these has encrypted it for this place.
        """
        for one in self._keys:
            try:
                return one.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], _place(key, subject))
            except (InvalidTag, ValueError):
                continue
        raise MasterKeyMissing(f"the key {key} is encrypted under a master key that is not given")


def _stretched(key: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"twofold personal master key").derive(key.encode())


def _place(key: UUID, subject: str) -> bytes:
    return key.bytes + subject.encode()
