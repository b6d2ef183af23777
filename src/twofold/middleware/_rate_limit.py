"""Refusing a message when too many like it were sent."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from twofold.dispatch import Handler, Next, Stage, Unmade
from twofold.errors import Unavailable
from twofold.messages import Context, bare, canonical
from twofold.middleware._timeout import halfway
from twofold.result import Failure, Result

if TYPE_CHECKING:
    from twofold.reliability import Limiter, Limiters, RateLimit


def rate_limit_stage(
    limits: "Callable[[Handler], RateLimit | None]", limiters: "Callable[[], Awaitable[Limiters]]"
) -> Stage:
    """The stage, for handlers with a limit.

    Args:
        limits: The limit of a handler.
        limiters: Gives what counts, once the application runs.

    What could not be made is counted by its sender where a function of the message says for whom others count.
    """

    def wrap(handler: Handler, call_next: Next) -> Next | None:
        limit = limits(handler)
        if limit is None:
            return None
        limiter: Limiter | None = None
        by_sender = replace(limit, per="user") if callable(limit.per) else limit

        async def rate_limit(message: Any, context: Context) -> Result[Any, Any]:
            nonlocal limiter
            if limiter is None:
                limiter = (await limiters()).of(handler.message_type)
            counted = by_sender if isinstance(message, Unmade) else limit
            try:
                await limiter.admit(_key(counted, message, context), halfway(context))
            except Unavailable as error:
                return Failure(error)
            return await call_next(message, context)

        return rate_limit

    return Stage("rate limit", wrap)


def _key(limit: "RateLimit", message: Any, context: Context) -> str:
    """What a message is counted under: a digest of what a function made of it, where others read it or it hides."""
    key: Any = limit.key(message, context)
    if isinstance(key, str) and not (callable(limit.per) and limit.is_shared):
        return key
    return blake2b(canonical(bare(key)).encode(), digest_size=32).hexdigest()
