"""Events that a follower could not handle, kept beside its checkpoint until somebody has mended the cause."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol

INBOX: Final = "inbox:"
"""What names begin with under which messages of other services are put aside: their positions are not of the log."""


class Parked(NamedTuple):
    """An event that one subscription has put aside, and everything of its stream waits behind it.

    Args:
        subscription: The subscription that put it aside.
        position: The event's place in the log.
        stream: The event's stream.
        type: Its wire name.
        time: When it was put aside, in UTC.
        cause: What went wrong, in a line; empty for one that only waits behind another.
        trace: Where it went wrong, as a stack trace.
        attempts: How often it was tried.
        data: What to read instead of what the log has, JSON; None for the event as it is.
        due: Whether somebody has asked for it to be tried again.
    """

    subscription: str
    position: int
    stream: str
    type: str
    time: datetime
    cause: str = ""
    trace: str = ""
    attempts: int = 0
    data: bytes | None = None
    due: bool = False


def is_of_log(subscription: str) -> bool:
    """Whether what a subscription puts aside is in the log."""
    return not subscription.startswith(INBOX)


class ParkedEvents(Protocol):
    """The parked events of a store. Batches put them aside and free them; here they are looked at and mended."""

    async def list(
        self, subscription: str | None = None, *, stream: str | None = None, due: bool = False, limit: int = 1000
    ) -> Sequence[Parked]:
        """Parked events, by subscription and position.

        Args:
            subscription: Whose; None for all.
            stream: Only those of this stream.
            due: Only those that somebody wants tried again.
            limit: How many at most.
        """
        ...

    async def get(self, subscription: str, position: int) -> Parked | None:
        """A parked event; None when it is not, or no longer, parked."""
        ...

    async def streams(self, subscription: str) -> Collection[str]:
        """The streams of which a subscription has parked events."""
        ...

    async def retry(self, subscription: str, stream: str) -> int:
        """Have the owner of a subscription try a stream's parked events again, in order.

        Returns:
            How many there are.
        """
        ...

    async def edit(self, subscription: str, position: int, data: bytes) -> bool:
        """Have a parked event read as this JSON from now on; the log stays as it is.

        Returns:
            Whether it is still parked.
        """
        ...
