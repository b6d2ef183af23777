"""Where a message comes from that belongs to an event of the log: what the event's headers say."""

from typing import Final

from twofold.messages import Origin
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
        source="events",
        trace={name: value for name, value in headers.items() if name not in _KNOWN},
    )
