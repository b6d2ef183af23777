"""The three kinds of message."""

from enum import StrEnum


class Kind(StrEnum):
    """What a message is for."""

    COMMAND = "command"
    """Changes state; one handler."""
    QUERY = "query"
    """Returns data and changes nothing; one handler."""
    EVENT = "event"
    """Says what happened; any number of handlers."""
