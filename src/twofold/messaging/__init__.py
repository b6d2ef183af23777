"""What leaves the service: events of the log as CloudEvents on a broker."""

from twofold.messaging._broker import Broker, Outcome
from twofold.messaging._errors import MessageRefused, NotConfirmed
from twofold.messaging._memory import MemoryBroker
from twofold.messaging._outgoing import Outgoing
from twofold.messaging._publication import Publication, clashes
from twofold.messaging._relay import Relay

__all__ = [
    "Broker",
    "MemoryBroker",
    "MessageRefused",
    "NotConfirmed",
    "Outcome",
    "Outgoing",
    "Publication",
    "Relay",
    "clashes",
]
