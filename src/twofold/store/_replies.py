"""What keyed commands have answered: kept with all else that they wrote, so that the same key again does nothing."""

from datetime import datetime
from typing import NamedTuple


class Reply(NamedTuple):
    """The answer of a command that came with an idempotency key.

    Args:
        key: The key with everything that it belongs to, as a digest.
        message: The wire name of the command, for people.
        fingerprint: A digest of the command: the same key with another one is a mistake.
        value: What was answered, JSON.
        time: When, in UTC.
        expires: From when on it is forgotten, in UTC.
        position: The position of the last event that was written with it; 0 for none. The store puts it in.
    """

    key: bytes
    message: str
    fingerprint: bytes
    value: bytes
    time: datetime
    expires: datetime
    position: int = 0
