"""What stands behind the other ports: scrypt, a simulated pair of providers, and mail that goes to the log."""

import asyncio
import hashlib
import hmac
import logging
import secrets
from datetime import timedelta
from uuid import UUID

from pydantic import SecretStr

from examples.providers.domain import Provider, ProviderRefused, Tokens
from examples.providers.ports import Grant, NotGranted
from twofold import Failure, Result, Success, Unavailable
from twofold.clock import Clock


class ScryptPasswords:
    """Hashes with scrypt (RFC 7914), in a thread: it takes a while on purpose."""

    def __init__(self, cost: int = 2**14) -> None:
        self._cost = cost

    async def hashed(self, password: SecretStr) -> str:
        salt = secrets.token_bytes(16)
        return f"{salt.hex()}:{await self._digest(password, salt)}"

    async def match(self, password: SecretStr, password_hash: str | None) -> bool:
        salt, _, digest = (password_hash or ":").partition(":")
        return hmac.compare_digest(await self._digest(password, bytes.fromhex(salt)), digest)

    async def _digest(self, password: SecretStr, salt: bytes) -> str:
        text = password.get_secret_value().encode()
        return (await asyncio.to_thread(hashlib.scrypt, text, salt=salt, n=self._cost, r=8, p=1)).hex()


class SimulatedIdentities:
    """Providers that know everybody whose code starts with `user:`, and who renew tokens as often as one likes.

    With `once:` they grant tokens that they never renew, and with `down:` they do not answer.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def exchange(self, provider: Provider, code: SecretStr) -> Result[Grant, NotGranted]:
        kind, _, account = code.get_secret_value().partition(":")
        if kind == "down":
            return Failure(Unavailable(f"{provider} does not answer"))
        if kind not in ("user", "once") or not account:
            return Failure(ProviderRefused(f"{provider} does not accept the code"))
        return Success(Grant(account=account, tokens=self._tokens(kind)))

    async def refresh(self, provider: Provider, tokens: Tokens) -> Result[Tokens, NotGranted]:
        kind, _, _ = tokens.refresh.get_secret_value().partition(":")
        if kind != "user":
            return Failure(ProviderRefused(f"{provider} does not renew its tokens"))
        return Success(self._tokens(kind))

    def _tokens(self, kind: str) -> Tokens:
        access, refresh = (SecretStr(f"{kind}:{secrets.token_urlsafe(32)}") for _ in range(2))
        return Tokens(access=access, refresh=refresh, expires_at=self._clock.now() + timedelta(hours=1))


class LogMail:
    """Writes mail to the log."""

    async def send(self, user_id: UUID, text: str) -> None:
        logging.getLogger(__name__).info("to %s: %s", user_id, text)
