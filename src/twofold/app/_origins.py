"""Where a message comes from that belongs to an event of the log: what the event's headers say."""

from dataclasses import replace
from typing import Final

from twofold.dispatch import Handler, Router
from twofold.messages import EVENTS, Context, Origin
from twofold.store import IF_INTERRUPTED, Recorded

_KNOWN: Final = ("causation_id", "correlation_id", "user_id", "tenant", IF_INTERRUPTED)


def origin_of(recorded: Recorded) -> Origin:
    """The origin that the message had whose event this is, as far as it is kept with it."""
    headers = recorded.headers
    return Origin(
        causation_id=headers.get("causation_id"),
        correlation_id=headers.get("correlation_id"),
        user_id=headers.get("user_id"),
        tenant=headers.get("tenant"),
        source=EVENTS,
        trace={name: value for name, value in headers.items() if name not in _KNOWN},
    )


def reacting(router: Router, handler: Handler, recorded: Recorded) -> Context:
    """The context in which a reaction handles an event: as the service that it names, or on behalf of the event's user.

    Args:
        router: Makes it.
        handler: The reaction.
        recorded: The event's entry in the log.
    """
    origin, principal = origin_of(recorded), handler.following.principal
    if principal is not None:
        origin = replace(origin, principal=replace(principal, tenant=principal.tenant or origin.tenant))
    return router.context(origin, recorded.id)
