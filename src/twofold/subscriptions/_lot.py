"""What people do with parked events: look at them, mend them, have them tried again, or give them up.

An application, a command line and a console use it; the subscriptions themselves follow, wherever they run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

from twofold.errors import NotFound
from twofold.messages import Catalogue
from twofold.store import Batch, Parked, Recorded, Store

_STREAM = 1_000_000


class NotParked(NotFound):
    """An event is not parked: it never was, or it was dealt with or dropped.

    Args:
        subscription: Whose.
        what: The event, or the stream.
    """

    code: ClassVar[str] = "not_parked"

    def __init__(self, *, subscription: str, what: str) -> None:
        super().__init__(f"{subscription} has not parked {what}")
        self.subscription, self.what = subscription, what

    @property
    def hint(self) -> str:
        """Where to look."""
        return "`twofold parked list` shows what is parked"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedEvent:
    """A parked event with its entry in the log.

    Args:
        parked: What its subscription has noted.
        recorded: The event as the log has it; None when it is no longer there.
    """

    parked: Parked
    recorded: Recorded | None

    @property
    def data(self) -> bytes:
        """What is read when it is tried again: as it was edited, else as the log has it."""
        if self.parked.data is not None:
            return self.parked.data
        return b"null" if self.recorded is None else self.recorded.data


@final
class ParkingLot:
    """The parked events of a store.

    Args:
        store: The store; it is open.
        catalogue: The events that are known.

    Example:
        >>> await app.parked.edit("mail.thank:order_placed", 7, '{"order_id": "…"}')
        >>> await app.parked.retry("mail.thank:order_placed", "order-7")
        3
    """

    def __init__(self, store: Store, catalogue: Catalogue) -> None:
        self._store = store
        self._catalogue = catalogue

    async def list(
        self, subscription: str | None = None, *, stream: str | None = None, limit: int = 1000
    ) -> Sequence[Parked]:
        """Parked events, by subscription and position.

        Args:
            subscription: Whose; None for all.
            stream: Only those of this stream.
            limit: How many at most.
        """
        return await self._store.parked.list(subscription, stream=stream, limit=limit)

    async def show(self, subscription: str, position: int) -> ParkedEvent:
        """A parked event, and what the log says of it.

        Raises:
            NotParked: It is not parked.
        """
        parked = await self._store.parked.get(subscription, position)
        if parked is None:
            raise NotParked(subscription=subscription, what=f"an event at position {position}")
        found = await self._store.log.read(position - 1, until=position, limit=1)
        return ParkedEvent(parked=parked, recorded=found[0] if found else None)

    async def edit(self, subscription: str, position: int, data: bytes | str) -> None:
        """Have a parked event read as other data when it is tried again; the log stays as it is.

        Args:
            subscription: Whose.
            position: The event's position.
            data: The event as JSON; it has to fit the class of the event.

        Raises:
            Invalid: The data does not fit the event's class.
            NotParked: It is not parked.
            UnknownMessage: No class is registered for the event.
        """
        event = (await self.show(subscription, position)).parked
        entry = self._catalogue.named(event.type)
        if not await self._store.parked.edit(subscription, position, entry.encode(entry.parse(data))):
            raise NotParked(subscription=subscription, what=f"an event at position {position}")

    async def retry(self, subscription: str, stream: str) -> int:
        """Have the owner of a subscription try a stream's parked events again, in order.

        Returns:
            How many there are.

        Raises:
            NotParked: There is none.
        """
        count = await self._store.parked.retry(subscription, stream)
        if not count:
            raise NotParked(subscription=subscription, what=f"an event of stream {stream}")
        return count

    async def retry_all(self, subscription: str) -> int:
        """Have the owner of a subscription try everything that it has parked again, each stream in order.

        Returns:
            How many events there are.

        Raises:
            NotParked: There is none.
        """
        streams = sorted(await self._store.parked.streams(subscription))
        if not streams:
            raise NotParked(subscription=subscription, what="anything")
        return sum([await self._store.parked.retry(subscription, stream) for stream in streams])

    async def drop(self, subscription: str, position: int) -> int:
        """Give a parked event up: its subscription never handles it.

        What waits behind it goes on waiting, until it is tried again.

        Returns:
            How many events of its stream are still parked.

        Raises:
            NotParked: It is not parked.
        """
        event = (await self.show(subscription, position)).parked
        await self._store.commit(Batch(frees=((subscription, position),)))
        return len(await self._store.parked.list(subscription, stream=event.stream, limit=_STREAM))
