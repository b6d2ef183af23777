"""Time and identity, by protocol, so that a test can own both."""

from twofold.clock._clock import Clock, IdSource, SystemClock, new_id
from twofold.clock._uuid import text_of, uuid_of

__all__ = ["Clock", "IdSource", "SystemClock", "new_id", "text_of", "uuid_of"]
