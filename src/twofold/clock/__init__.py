"""Time and identity, by protocol, so that a test can own both."""

from twofold.clock._clock import Clock, IdSource, SystemClock, new_id

__all__ = ["Clock", "IdSource", "SystemClock", "new_id"]
