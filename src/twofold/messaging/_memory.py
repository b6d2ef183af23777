"""The broker in memory: the reference of the port, and what tests and desks have in the place of a server."""

from collections.abc import Sequence
from typing import final

from twofold.messaging._broker import Outcome
from twofold.messaging._errors import MessageRefused, NotConfirmed
from twofold.messaging._outgoing import Outgoing


@final
class MemoryBroker:
    """Keeps messages in this process, each id once.

    Args:
        largest: How many bytes of data a message may have.

    Example:
        >>> orders.publishes(OrderPlaced, to="orders")
        >>> broker = MemoryBroker()
        >>> async with App("shop", modules=[orders], broker=broker) as app:
        ...     await app.execute(PlaceOrder(customer_id=ada, lines=lines))
        ...     await app.settle()
        Success(UUID('...'))
        >>> broker.messages[0].subject
        'orders.order_placed'
    """

    def __init__(self, *, largest: int = 1024 * 1024) -> None:
        self.away = False
        """Whether it confirms nothing, as one that cannot be reached."""
        self._largest = largest
        self._kept: dict[str, Outgoing] = {}

    @property
    def messages(self) -> list[Outgoing]:
        """What it keeps, in the order in which it came."""
        return list(self._kept.values())

    async def publish(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        """Keep messages; see `Broker`."""
        return [self._keep(one) for one in messages]

    async def close(self) -> None:
        """Do nothing; see `Broker`."""

    def _keep(self, one: Outgoing) -> Outcome:
        if self.away:
            return NotConfirmed(subject=one.subject, cause="it is away")
        if len(one.data) > self._largest:
            return MessageRefused(subject=one.subject, cause=f"{len(one.data)} bytes, and {self._largest} are allowed")
        self._kept.setdefault(one.id, one)
        return None
