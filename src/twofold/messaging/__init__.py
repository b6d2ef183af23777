"""What leaves the service, and what comes from others: events as CloudEvents on a broker."""

from twofold.messaging._broker import Broker, Outcome
from twofold.messaging._consumption import Consumption, crossings
from twofold.messaging._errors import MessageRefused, MessageUnreadable, NotConfirmed, NotReceived
from twofold.messaging._inbox import Inbox
from twofold.messaging._incoming import Incoming
from twofold.messaging._memory import MemoryBroker
from twofold.messaging._outgoing import Outgoing
from twofold.messaging._publication import Publication, clashes
from twofold.messaging._receiver import Receiver
from twofold.messaging._receiving import Queue, ReceivingBroker, Waiting
from twofold.messaging._relay import Relay

__all__ = [
    "Broker",
    "Consumption",
    "Inbox",
    "Incoming",
    "MemoryBroker",
    "MessageRefused",
    "MessageUnreadable",
    "NotConfirmed",
    "NotReceived",
    "Outcome",
    "Outgoing",
    "Publication",
    "Queue",
    "Receiver",
    "ReceivingBroker",
    "Relay",
    "Waiting",
    "clashes",
    "crossings",
]
