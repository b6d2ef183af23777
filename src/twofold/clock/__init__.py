"""Time and identity, by protocol, so that a test can own both."""

from twofold.clock._clock import Clock, IdSource, SystemClock, new_id
from twofold.clock._micros import MICROSECOND, micros_of, time_of
from twofold.clock._uuid import text_of, uuid_of

__all__ = [
    "MICROSECOND",
    "Clock",
    "IdSource",
    "SystemClock",
    "micros_of",
    "new_id",
    "text_of",
    "time_of",
    "uuid_of",
]
