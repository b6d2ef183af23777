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


class Received(NamedTuple):
    """A message of another service that has been dealt with; kept with the replies, so that a copy of it does nothing.

    Args:
        key: What it is known by, as a digest.
        message: Its type, for people.
        time: When it was dealt with, in UTC.
        expires: From when on a copy may be dealt with again, in UTC.
    """

    key: bytes
    message: str
    time: datetime
    expires: datetime

    def as_reply(self) -> Reply:
        """The same, as it is kept."""
        return Reply(self.key, self.message, b"", b"null", self.time, self.expires)
