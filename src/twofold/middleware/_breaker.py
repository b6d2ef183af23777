"""Keeping messages away from handlers whose work keeps failing."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from twofold.dispatch import Handler, Next, Stage
from twofold.errors import Classifier, Unavailable
from twofold.messages import Context
from twofold.result import Failure, Result

if TYPE_CHECKING:
    from twofold.reliability import Breaker, Breakers, CircuitBreaker


def breaker_stage(
    settings: "Callable[[Handler], CircuitBreaker | None]",
    breakers: "Callable[[], Awaitable[Breakers]]",
    classifier: Classifier,
) -> Stage:
    """The stage, for handlers with a circuit breaker.

    Args:
        settings: The settings of a handler.
        breakers: Gives the breakers, once the application runs.
        classifier: Tells what an error means, and so whether it counts.
    """

    def wrap(handler: Handler, call_next: Next) -> Next | None:
        counted = settings(handler)
        if counted is None:
            return None
        breaker: Breaker | None = None

        async def guarded(message: Any, context: Context) -> Result[Any, Any]:
            nonlocal breaker
            if breaker is None:
                breaker = (await breakers()).of(handler.message_type)
            try:
                ticket = breaker.admit()
            except Unavailable as error:
                return Failure(error)
            try:
                result = await call_next(message, context)
            except BaseException:  # a bug or a cancellation, which says nothing of what stands behind
                breaker.left(ticket)
                raise
            if result.is_failure and counted.counts(classifier.of_value(result.error)):
                breaker.failed(ticket)
            else:
                breaker.succeeded(ticket)
            return result

        return guarded

    return Stage("breaker", wrap)
