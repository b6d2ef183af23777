"""What stands behind the ports for passwords: scrypt, and a simulated service that knows which have leaked."""

import asyncio
import base64
import hashlib
import hmac
import secrets

from pydantic import SecretStr

from examples.accounts.domain import PasswordLeaked
from twofold import Failure, Result, Success, Unavailable

_NOBODY = f"{base64.b64encode(bytes(16)).decode()}:"


class ScryptPasswords:
    """Hashes with scrypt (RFC 7914), in a thread: it takes a while on purpose.

    Args:
        cost: What an attempt costs, as a power of two: 16 MiB and five rounds unless given.
    """

    def __init__(self, cost: int = 2**14) -> None:
        self._cost = cost

    async def hashed(self, password: SecretStr) -> str:
        salt = secrets.token_bytes(16)
        digest = await self._digest(password, self._cost, salt)
        return f"{self._cost}:{base64.b64encode(salt).decode()}:{base64.b64encode(digest).decode()}"

    async def match(self, password: SecretStr, password_hash: str | None) -> bool:
        cost, salt, digest = (password_hash or f"{self._cost}:{_NOBODY}").split(":")
        found = await self._digest(password, int(cost), base64.b64decode(salt))
        return hmac.compare_digest(found, base64.b64decode(digest))

    async def _digest(self, password: SecretStr, cost: int, salt: bytes) -> bytes:
        text = password.get_secret_value().encode()
        return await asyncio.to_thread(hashlib.scrypt, text, salt=salt, n=cost, r=8, p=5)


class SimulatedLeaks:
    """Knows a password that everybody knows, and does not answer for those that begin with `offline`."""

    async def check(self, password: SecretStr) -> Result[None, PasswordLeaked | Unavailable]:
        text = password.get_secret_value().lower()
        if text.startswith("offline"):
            return Failure(Unavailable("the list of leaked passwords does not answer"))
        if text == "password123":
            return Failure(PasswordLeaked("is on the list of leaked passwords", field="password"))
        return Success()
