"""A line in the log for every failure of a projection or reaction, unless somebody else is told."""

import logging
from typing import Final

from twofold.errors import CheckpointMoved, ViewNotRefreshed, line_of
from twofold.subscriptions._trouble import Trouble

_LOGGER: Final = logging.getLogger("twofold.subscription")

_SELDOM: Final = 64
"""Every which of many failures in a row is told; there are ten seconds between them by then."""


def log_failure(trouble: Trouble) -> None:
    """Log that a subscription has failed; the first time in a row, and when it parks an event, with the traceback.

    A checkpoint that has moved is no bug: another process was faster. It is one quiet line. What is away is no bug
    either: one line with the cause, however often it is tried; the rest, with tracebacks, is at DEBUG. A view whose
    query fails is told again from time to time, with what to do: nothing is ever parked for it.

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
    if isinstance(error, ViewNotRefreshed):
        if _is_told_again(trouble.failures):
            first = trouble.failures == 1
            facts["hint"] = error.hint
            _LOGGER.log(
                logging.WARNING if first else logging.ERROR,
                "%s (%s)",
                error.detail,
                error.hint,
                exc_info=error if first else None,
                extra={"twofold": facts},
            )
        return
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


def _is_told_again(failures: int) -> bool:
    """Whether it is time to tell of a failure again: less and less often, and every ten minutes or so in the end."""
    return failures % _SELDOM == 0 or failures & (failures - 1) == 0
