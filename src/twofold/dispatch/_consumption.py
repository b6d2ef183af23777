"""What comes from other services, as declared beside the handlers of a module."""

from typing import Literal, NamedTuple


class ConsumptionDeclaration(NamedTuple):
    """Events that are received, as declared; the messaging room knows what to make of them.

    Args:
        events: Their classes.
        place: The place that they come from.
        start: Where it starts when the broker does not know it yet.
        tenants: Whether the tenant that a message names is believed; None when nothing is said.
        remembered: For how many seconds it is known which messages were received.
    """

    events: tuple[type, ...]
    place: str
    start: Literal["beginning", "now"]
    tenants: Literal["trusted"] | None
    remembered: float
