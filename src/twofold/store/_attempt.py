"""An attempt of a command in the log: a stream of its own, which has a beginning and one end.

Whatever ends an attempt expects its stream to hold the beginning alone, so of two ends one is refused, whichever
processes they come from: a success that comes late finds itself interrupted, and is undone. What is to be recorded
when its process dies is made with the beginning and lies beside it, since nobody else has the command.
"""

from typing import Final
from uuid import UUID

from twofold.errors import Undecodable
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
    """An event as a header of another one: its wire name, which has no space in it, its version, and its data."""
    entry = catalogue.of(type(event))
    return f"{entry.name} {entry.wire.version} {entry.record(event).decode()}"


def from_header(catalogue: Catalogue, header: str) -> object:
    """The event again, or the one of today that it has become.

    Raises:
        UnknownMessage: This application does not know it.
        NewerVersion: Not in this version.
        Corrupt: It does not read as one event of this application.
    """
    name, version, data = header.split(" ", 2)
    events = catalogue.read(name, int(version), data.encode())
    if len(events) != 1:
        raise Undecodable(name=name, cause=f"it has become {len(events)} events, and an attempt has one end")
    return events[0]
