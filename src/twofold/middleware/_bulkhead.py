"""Handling so many messages of a type at once, and no more."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from twofold.dispatch import Handler, Next, Stage
from twofold.errors import Unavailable
from twofold.messages import Context
from twofold.middleware._inside import inside
from twofold.result import Failure, Result

if TYPE_CHECKING:
    from twofold.reliability import Bulkhead, Bulkheads, Compartment


def bulkhead_stage(
    settings: "Callable[[Handler], Bulkhead | None]", bulkheads: "Callable[[], Awaitable[Bulkheads]]"
) -> Stage:
    """The stage, for handlers with a bulkhead.

    It stands outside of the breaker, so that a queue that is full is no failure of what stands behind. What a message
    sends is in the place that the message has: it would wait for one that nobody gives back before it is done.

    Args:
        settings: The settings of a handler.
        bulkheads: Gives the compartments, once the application runs.
    """

    places: dict[Context, Compartment] = {}

    def wrap(handler: Handler, call_next: Next) -> Next | None:
        if settings(handler) is None:
            return None
        compartment: Compartment | None = None

        async def kept_apart(message: Any, context: Context) -> Result[Any, Any]:
            nonlocal compartment
            if compartment is None:
                compartment = (await bulkheads()).of(handler.message_type)
            if inside(places, compartment, context):
                return await call_next(message, context)
            try:
                await compartment.enter(context.deadline)
            except Unavailable as error:
                return Failure(error)
            places[context] = compartment
            try:
                return await call_next(message, context)
            finally:
                del places[context]
                compartment.leave()

        return kept_apart

    return Stage("bulkhead", wrap)
