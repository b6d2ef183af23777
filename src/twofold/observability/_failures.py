"""A warning for every failure of a projection or reaction; the application calls it, once told to with `observe`."""

import logging
from typing import Final

from twofold.subscriptions import Subscription

_LOGGER: Final = logging.getLogger("twofold.subscription")


def log_failure(subscription: Subscription) -> None:
    """Log that a subscription has failed; the first time in a row, with the traceback.

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
    _LOGGER.warning(
        "subscription %s failed",
        subscription.name,
        exc_info=error if subscription.failures == 1 else None,
        extra={"twofold": facts},
    )
