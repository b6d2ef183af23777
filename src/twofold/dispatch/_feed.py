"""Messages that carry a correlation or user id as fields of their own feed their context, when sent in-process.

Only a message that comes from nowhere feeds it: what a door has authenticated, or a parent has passed on, is
never overruled.
"""

from collections.abc import Awaitable
from typing import Any, get_type_hints

from twofold.dispatch._handler import Handler
from twofold.dispatch._pipeline import Next, Stage
from twofold.messages import NOWHERE, Context, Origin, enter_context, leave_context
from twofold.result import Result

_FIELDS = ("correlation_id", "user_id")


def feed_stage() -> Stage:
    """The stage, for messages that have such a field."""
    return Stage("feed", _wrap)


def _wrap(handler: Handler, call_next: Next) -> Next | None:
    try:
        fields = get_type_hints(handler.message_type)
    except (NameError, TypeError):
        return None

    async def fed(message: Any, context: Context) -> Result[Any, Any]:
        origin = Origin(correlation_id=_fact(message, "correlation_id"), user_id=_fact(message, "user_id"))
        own = Context(origin, None, context.clock, context.ids, context.message_id, context.deadline)
        token = enter_context(own)
        try:
            return await call_next(message, own)
        finally:
            leave_context(token)

    def feed(message: Any, context: Context) -> Awaitable[Result[Any, Any]]:
        if context.origin is not NOWHERE or context.parent is not None:
            return call_next(message, context)
        return fed(message, context)

    return feed if any(name in fields for name in _FIELDS) else None


def _fact(message: Any, name: str) -> str | None:
    value = getattr(message, name, None)
    return None if value is None else str(value)
