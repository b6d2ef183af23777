"""Who is knocking: a bearer token, signed by this application. Elsewhere a library made for that reads it."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from uuid import UUID

from starlette.requests import Request

from examples.accounts.services import Tokens
from twofold import Principal
from twofold.clock import Clock, SystemClock


class SignedTokens:
    """A user's id and an end, signed with HMAC-SHA256.

    Args:
        key: What they are signed with; processes that serve the same users share it.
        lasts: How long one is good, in seconds.
        clock: Tells the time.
    """

    def __init__(self, key: bytes, *, lasts: int = 3600, clock: Clock | None = None) -> None:
        self._key = key
        self._lasts = lasts
        self._clock = clock or SystemClock()

    def issue(self, user_id: UUID) -> str:
        said = f"{user_id}.{self._now() + self._lasts}"
        return f"{said}.{self._signature(said)}"

    def read(self, token: str) -> Principal | None:
        said, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._signature(said).encode(), signature.encode()):
            return None
        user_id, _, end = said.partition(".")
        return Principal(user_id=user_id) if self._now() < int(end) else None

    def _signature(self, said: str) -> str:
        return hmac.new(self._key, said.encode(), hashlib.sha256).hexdigest()

    def _now(self) -> int:
        return int(self._clock.now().timestamp())


def bearer(tokens: Tokens) -> Callable[[Request], Awaitable[Principal | None]]:
    """What tells whom a request comes from, by its token."""

    async def authenticate(request: Request) -> Principal | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return tokens.read(token) if scheme.lower() == "bearer" else None

    return authenticate
