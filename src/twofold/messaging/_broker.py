"""The port of brokers: what a technology has to do so that events leave the service over it."""

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from twofold.messaging._errors import MessageRefused, NotConfirmed
from twofold.messaging._outgoing import Outgoing

Outcome: TypeAlias = NotConfirmed | MessageRefused | None
"""What became of a message: None once the broker has confirmed that it keeps it."""


class Broker(Protocol):
    """Takes messages, and tells of each what became of it. It connects when it is first needed."""

    async def publish(self, messages: Sequence[Outgoing]) -> Sequence[Outcome]:
        """Hand messages over, all at once: their order among each other is nothing that it has to keep.

        It ends within a bound of its own whatever the broker does, and keeps nothing of a message behind that. It may
        be called by several at a time.

        Args:
            messages: The messages; each has an id, under which it may come again.

        Returns:
            For each message, in the same order: None when the broker has confirmed it; `MessageRefused` when it will
            never take it; `NotConfirmed` when it is away, has said nothing in time, or nobody there is to keep it.
        """
        ...

    async def close(self) -> None:
        """Let go of the connection; the next `publish` makes another one. Harmless without one."""
        ...
