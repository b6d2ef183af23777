"""What an audit trail is sealed with: SHA-256, or HMAC-SHA256 (RFC 2104) under a secret that no database has.

Who can write the whole database can make a chain of plain hashes anew, but not one of keyed hashes. Blocks say which
key sealed them by its id, which tells nothing of the key.
"""

import hashlib
import hmac
from typing import ClassVar, Final, final

from twofold.errors import WiringError

PLAIN: Final = ""
"""The id that stands for no key."""

SHORTEST_KEY: Final = 32
"""How many characters a key has at least."""

DIGEST_SIZE: Final = hashlib.sha256().digest_size


class AuditKeyMissing(WiringError):
    """What is sealed under a key can be neither proved nor continued without it.

    Args:
        key: The id of the key.
    """

    code: ClassVar[str] = "audit_key_missing"

    def __init__(self, key: str) -> None:
        super().__init__(f"the audit trail is sealed under the key {key}, which is not given: nothing is proved of it")
        self.key = key

    @property
    def hint(self) -> str:
        """How keys are given."""
        return "set TWOFOLD_AUDIT_KEY or TWOFOLD_AUDIT_KEY_FILE to every key that it was sealed under, the newest first"


@final
class AuditKeys:
    """The keys of a trail.

    Args:
        keys: The first one seals, and each of them proves what it has sealed; none for plain SHA-256.

    Raises:
        WiringError: A key is too short to be one.
    """

    __slots__ = ("_keys", "current")

    def __init__(self, *keys: str) -> None:
        if any(len(key) < SHORTEST_KEY for key in keys):
            raise WiringError(f"a key of the audit trail has {SHORTEST_KEY} characters or more, and one has fewer")
        self._keys = {_id_of(key): key.encode() for key in keys}
        self.current = next(iter(self._keys), PLAIN)
        """The id of the key that seals."""

    def digest(self, key: str, text: str) -> bytes:
        """What a text is sealed with.

        Args:
            key: The id of the key.
            text: The text.

        Raises:
            AuditKeyMissing: The key is not among these.
        """
        if key == PLAIN:
            return hashlib.sha256(text.encode()).digest()
        secret = self._keys.get(key)
        if secret is None:
            raise AuditKeyMissing(key)
        return hmac.digest(secret, text.encode(), "sha256")

    def go_on(self, key: str) -> str:
        """The id of the key that seals what comes behind something.

        Args:
            key: The id of the key that this was sealed with.

        Raises:
            AuditKeyMissing: It was sealed under one, and none is given: a chain never goes back to plain hashes.
        """
        if key != PLAIN and self.current == PLAIN:
            raise AuditKeyMissing(key)
        return self.current


def _id_of(key: str) -> str:
    return hmac.digest(key.encode(), b"the id of a key of an audit trail", "sha256").hex()[:16]


NO_KEYS: Final = AuditKeys()
"""Plain SHA-256."""
