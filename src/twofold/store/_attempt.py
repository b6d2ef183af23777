"""An attempt of a command in the log: a stream of its own, which has a beginning and one end.

Whatever ends an attempt expects its stream to hold the beginning alone, so of two ends one is refused, whichever
processes they come from: a success that comes late finds itself interrupted, and is undone. What is to be recorded
when its process dies is made with the beginning and lies beside it, since nobody else has the command.
"""

from typing import Final
from uuid import UUID

from twofold.messages import Catalogue

ATTEMPTS: Final = "twofold-attempt-"
"""What the names of these streams begin with."""

IF_INTERRUPTED: Final = "if_interrupted"
"""The header of a beginning that has the event which tells that nobody came to an end."""

INTERRUPTED: Final = "interrupted"
"""The reason of that event."""


def attempt_stream(message_id: UUID) -> str:
    """The stream of the attempt of a command."""
    return f"{ATTEMPTS}{message_id}"


def as_header(catalogue: Catalogue, event: object) -> str:
    """An event as a header of another one: its wire name, which has no space in it, and its data."""
    entry = catalogue.of(type(event))
    return f"{entry.name} {entry.encode(event).decode()}"


def from_header(catalogue: Catalogue, header: str) -> object:
    """The event again.

    Raises:
        UnknownMessage: This application does not know it.
        Corrupt: It does not read as this application's event of the name.
    """
    name, _, data = header.partition(" ")
    return catalogue.named(name).decode(data.encode())
