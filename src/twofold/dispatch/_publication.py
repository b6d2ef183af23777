"""What leaves the service, as declared beside the handlers of a module."""

from typing import Literal, NamedTuple

from twofold.dispatch._following import Start


class PublicationDeclaration(NamedTuple):
    """Events that are published, as declared; the messaging room knows what to make of them.

    Args:
        events: Their classes.
        to: The place that they go to.
        personal: What becomes of personal data in them; None when nothing is said.
        start: Where in the log the relay starts when it is new.
        partitions: Into how many equal shares of the streams it is cut.
    """

    events: tuple[type, ...]
    to: str
    personal: Literal["withheld"] | None = None
    start: Start = "beginning"
    partitions: int = 1
