"""A warning for every failure of a projection or reaction; the application calls it, once told to with `observe`."""

import logging
from typing import Final

from twofold.errors import Conflict
from twofold.subscriptions import Subscription

_LOGGER: Final = logging.getLogger("twofold.subscription")


def log_failure(subscription: Subscription) -> None:
    """Log that a subscription has failed; the first time in a row, with the traceback.

    A conflict is no bug: another process was faster. It is one quiet line.

    Args:
        subscription: The one that has failed.
    """
    error = subscription.error
    facts = {
        "subscription": subscription.name,
        "failures": subscription.failures,
        "position": subscription.position,
        "error": type(error).__qualname__,
    }
    overtaken = isinstance(error, Conflict)
    _LOGGER.log(
        logging.INFO if overtaken else logging.WARNING,
        "subscription %s %s",
        subscription.name,
        "was overtaken" if overtaken else "failed",
        exc_info=error if subscription.failures == 1 and not overtaken else None,
        extra={"twofold": facts},
    )
