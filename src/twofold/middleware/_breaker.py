"""Keeping messages away from handlers whose work keeps failing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from twofold.dispatch import Handler, Next, Stage
from twofold.errors import Classifier, TimedOut, Unavailable
from twofold.messages import Context
from twofold.middleware._inside import inside
from twofold.result import Failure, Result

if TYPE_CHECKING:
    from twofold.reliability import Breaker, Breakers, CircuitBreaker


def breaker_stage(
    settings: "Callable[[Handler], CircuitBreaker | None]",
    breakers: "Callable[[], Awaitable[Breakers]]",
    classifier: Classifier,
) -> Stage:
    """The stage, for handlers with a circuit breaker.

    What a message sends to what the same breaker guards is a part of its own call: one that is let through to see
    whether it works again would be kept away from there by itself. The call has failed where a part of it has. What had
    no time left when it came, and so was not called, says nothing.

    Args:
        settings: The settings of a handler.
        breakers: Gives the breakers, once the application runs.
        classifier: Tells what an error means, and so whether it counts.
    """
    calls: dict[Context, Breaker] = {}
    failed: set[Context] = set()

    def wrap(handler: Handler, call_next: Next) -> Next | None:
        counted = settings(handler)
        if counted is None:
            return None
        breaker: Breaker | None = None

        async def guarded(message: Any, context: Context) -> Result[Any, Any]:
            nonlocal breaker
            if breaker is None:
                breaker = (await breakers()).of(handler.message_type)
            came_late = _is_late(context)
            whole = inside(calls, breaker, context)
            if whole is not None:
                result = await call_next(message, context)
                if whole in calls and is_failed(result) and not (came_late and _is_over(result)):
                    failed.add(whole)
                return result
            try:
                ticket = breaker.admit()
            except Unavailable as error:
                return Failure(error)
            calls[context] = breaker
            tell = breaker.left  # for what says nothing of what stands behind, as a bug or a cancellation
            try:
                result = await call_next(message, context)
                if not (came_late and _is_over(result)):
                    tell = breaker.failed if is_failed(result) else breaker.succeeded
            except asyncio.CancelledError:
                if not came_late and _is_late(context) and counted.counts(TimedOut.category):
                    tell = breaker.failed
                raise
            finally:
                del calls[context]
                if failed and context in failed:
                    failed.remove(context)
                    tell = breaker.failed
                tell(ticket)
            return result

        def is_failed(result: Result[Any, Any]) -> bool:
            return result.is_failure and counted.counts(classifier.of_value(result.error))

        return guarded

    return Stage("breaker", wrap)


def _is_late(context: Context) -> bool:
    """Whether a message has had all its time: whoever sent it ends it at a deadline that they have in common."""
    return context.deadline is not None and context.clock.monotonic() >= context.deadline


def _is_over(result: Result[Any, Any]) -> bool:
    """Whether all that came of a message is that its time is over."""
    return result.is_failure and isinstance(result.error, TimedOut)
