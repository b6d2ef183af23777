"""A warning for every failure of a projection or reaction; the application calls it, once told to with `observe`."""

import logging
from typing import Final

from twofold.errors import CheckpointMoved
from twofold.subscriptions import Trouble

_LOGGER: Final = logging.getLogger("twofold.subscription")


def log_failure(trouble: Trouble) -> None:
    """Log that a subscription has failed; the first time in a row, and when it parks an event, with the traceback.

    A checkpoint that has moved is no bug: another process was faster. It is one quiet line.

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
