"""A middleware of one's own: a line in the log for whatever takes too long."""

import logging
from typing import Any

from twofold import Context, Middleware, Result
from twofold.dispatch import Next

_LOGGER = logging.getLogger(__name__)


def slow(what: str, seconds: float) -> Middleware:
    """Tells of messages that take longer than they should.

    Args:
        what: The part of the work that it is put around.
        seconds: How long that may take.
    """

    async def watch(message: Any, context: Context, call_next: Next) -> Result[Any, Any]:
        started = context.clock.monotonic()
        try:
            return await call_next(message, context)
        finally:
            took = context.clock.monotonic() - started
            if took > seconds:
                _LOGGER.warning("%s: %s took %.3f s", type(message).__name__, what, took)

    watch.__qualname__ = f"slow {what}"  # what `twofold explain` shows
    return watch
