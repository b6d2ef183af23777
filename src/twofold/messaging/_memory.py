"""The broker in memory: the reference of the port, and what tests and desks have in the place of a server."""

import asyncio
from collections.abc import Collection, Sequence
from typing import final

from twofold.messaging._broker import Outcome
from twofold.messaging._errors import MessageRefused, NotConfirmed, NotReceived
from twofold.messaging._incoming import Incoming
from twofold.messaging._outgoing import Outgoing
from twofold.messaging._receiving import Queue, Waiting


@final
class MemoryBroker:
    """Keeps messages in this process, each id once, and gives them to applications in it.

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
        """Whether it confirms and gives nothing, as one that cannot be reached."""
        self._largest = largest
        self._kept: dict[str, Outgoing] = {}
        self._all: list[Outgoing] = []
        self._cursors: dict[str, _Cursor] = {}
        self._looking: set[asyncio.Future[None]] = set()

    @property
    def messages(self) -> list[Outgoing]:
        """What it keeps, in the order in which it came."""
        return [*self._all]

    async def publish(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        """Keep messages; see `Broker`."""
        outcomes = [self._keep(one) for one in messages]
        self._tell()
        return outcomes

    async def receive(self, queue: Queue, most: int, within: float) -> Sequence[Incoming]:
        """Give messages; see `ReceivingBroker`."""
        end = asyncio.get_running_loop().time() + within
        while True:
            found = self._cursor(queue).take(self._all, most)
            left = end - asyncio.get_running_loop().time()
            if found or left <= 0:
                return found
            looking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._looking.add(looking)
            try:
                await asyncio.wait({looking}, timeout=left)
            finally:
                self._looking.discard(looking)

    async def settle(self, queue: Queue, messages: Sequence[Incoming]) -> None:
        """Never give messages again; see `ReceivingBroker`."""
        self._cursor(queue).settle({one.number for one in messages})

    async def give_back(self, queue: Queue) -> None:
        """Give again what was taken; see `ReceivingBroker`."""
        if queue.name in self._cursors:
            self._cursors[queue.name].give_back()
            self._tell()

    async def waiting(self, queue: Queue) -> Waiting:
        """What is left of a queue; see `ReceivingBroker`."""
        cursor = self._cursor(queue)
        return Waiting(cursor.pending(self._all), len(cursor.taken))

    async def close(self) -> None:
        """Do nothing; see `Broker`."""

    def _keep(self, one: Outgoing) -> Outcome:
        if self.away:
            return NotConfirmed(subject=one.subject, cause="it is away")
        if len(one.data) > self._largest:
            return MessageRefused(subject=one.subject, cause=f"{len(one.data)} bytes, and {self._largest} are allowed")
        if one.id not in self._kept:
            self._kept[one.id] = one
            self._all.append(one)
        return None

    def _cursor(self, queue: Queue) -> "_Cursor":
        if self.away:
            raise NotReceived(place=queue.place, cause="it is away")
        cursor = self._cursors.get(queue.name)
        if cursor is None:
            first = 0 if queue.start == "beginning" else len(self._all)
            cursor = self._cursors[queue.name] = _Cursor(queue, first)
        cursor.queue = queue
        return cursor

    def _tell(self) -> None:
        for one in self._looking:
            if not one.done():
                one.get_loop().call_soon_threadsafe(_wake, one)


@final
class _Cursor:
    """How far one queue has come."""

    def __init__(self, queue: Queue, first: int) -> None:
        self.queue = queue
        self.next = first
        self.again: list[Incoming] = []
        self.taken: dict[int, Incoming] = {}

    def take(self, kept: Sequence[Outgoing], most: int) -> list[Incoming]:
        found, self.again = self.again[:most], self.again[most:]
        while len(found) < most and self.next < len(kept):
            one = kept[self.next]
            self.next += 1
            if self._wants(one):
                found.append(Incoming(one.subject, one.attributes, one.data, self.next, str(self.next)))
        behind = self.pending(kept)
        found = [one._replace(behind=behind) for one in found]
        self.taken |= {one.number: one for one in found}
        return found

    def settle(self, numbers: Collection[int]) -> None:
        self.again = [one for one in self.again if one.number not in numbers]
        self.taken = {number: one for number, one in self.taken.items() if number not in numbers}

    def give_back(self) -> None:
        self.again = sorted([*self.again, *self.taken.values()], key=lambda one: one.number)
        self.taken = {}

    def pending(self, kept: Sequence[Outgoing]) -> int:
        return len(self.again) + sum(map(self._wants, kept[self.next :]))

    def _wants(self, one: Outgoing) -> bool:
        place, _, name = one.subject.rpartition(".")
        return place == self.queue.place and name in self.queue.types


def _wake(looking: "asyncio.Future[None]") -> None:
    if not looking.done():
        looking.set_result(None)
