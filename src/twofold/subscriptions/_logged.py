"""A line in the log for every failure of a projection or reaction, unless somebody else is told."""

import logging
from typing import Final

from twofold.errors import CheckpointMoved, line_of
from twofold.subscriptions._trouble import Trouble

_LOGGER: Final = logging.getLogger("twofold.subscription")


def log_failure(trouble: Trouble) -> None:
    """Log that a subscription has failed; the first time in a row, and when it parks an event, with the traceback.

    A checkpoint that has moved is no bug: another process was faster. It is one quiet line. What is away is no bug
    either: one line with the cause, however often it is tried; the rest, with tracebacks, is at DEBUG.

    Args:
        trouble: What has happened.
    """
    error = trouble.error
    facts = {
        "subscription": trouble.subscription,
        "failures": trouble.failures,
        "position": trouble.position,
        "error": type(error).__qualname__,
    }
    if trouble.parked is not None:
        facts |= {
            "position": trouble.parked.position,
            "stream": trouble.parked.stream,
            "event_type": trouble.parked.type,
        }
    if trouble.away and trouble.parked is None:
        if trouble.failures == 1:
            text = "subscription %s waits for what is away: %s"
            _LOGGER.warning(text, trouble.subscription, line_of(error), extra={"twofold": facts})
        _LOGGER.debug("subscription %s failed", trouble.subscription, exc_info=error, extra={"twofold": facts})
        return
    overtaken = isinstance(error, CheckpointMoved) and not trouble.parked
    told = "parked an event" if trouble.parked else "goes on in another process" if overtaken else "failed"
    _LOGGER.log(
        logging.ERROR if trouble.parked else logging.INFO if overtaken else logging.WARNING,
        "subscription %s %s",
        trouble.subscription,
        told,
        exc_info=error if trouble.parked or (trouble.failures == 1 and not overtaken) else None,
        extra={"twofold": facts},
    )
