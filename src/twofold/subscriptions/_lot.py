"""What people do with parked events: look at them, mend them, have them tried again, or give them up.

An application, a command line and a console use it; the subscriptions themselves follow, wherever they run.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, NamedTuple, final

from pydantic_core import from_json

from twofold.errors import Invalid, NotFound, Undecodable
from twofold.messages import Catalogue
from twofold.store import Batch, Parked, Recorded, Store, is_of_log

_MOST = 1_000_000


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


class ParkedEvent(NamedTuple):
    """A parked event with its entry in the log.

    Args:
        parked: What its subscription has noted.
        recorded: The event as the log has it; None when it is not, or no longer, there.
    """

    parked: Parked
    recorded: Recorded | None

    @property
    def data(self) -> bytes:
        """What is read when it is tried again: as it was edited, else as the log has it."""
        if self.parked.data is not None:
            return self.parked.data
        return b"null" if self.recorded is None else self.recorded.data


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedStream:
    """A stream of which a subscription has parked events.

    Args:
        first: The first of them, which keeps the others waiting.
        count: How many there are.
    """

    first: Parked
    count: int


@final
class ParkingLot:
    """The parked events of those who follow a log.

    Args:
        store: The store of the log; it is open.
        catalogue: The events that are known.
        others: Other stores in which followers of the log put events aside; they are open.
        proofs: See that a message of another service can be read, by the name of what has put it aside; they raise
            `Invalid` when it cannot.

    Example:
        >>> await app.parked.edit("mail.thank:order_placed", 7, '{"order_id": "…"}')
        >>> await app.parked.retry("mail.thank:order_placed", "order-7")
        3
    """

    def __init__(
        self,
        store: Store,
        catalogue: Catalogue,
        others: Iterable[Store] = (),
        proofs: Mapping[str, Callable[[bytes], None]] = MappingProxyType({}),
    ) -> None:
        self._log = store.log
        self._stores = [*others, store]
        self._catalogue = catalogue
        self._proofs = proofs

    async def list(
        self, subscription: str | None = None, *, stream: str | None = None, limit: int = 1000
    ) -> Sequence[Parked]:
        """Parked events, by subscription and position.

        Args:
            subscription: Whose; None for all.
            stream: Only those of this stream.
            limit: How many at most.
        """
        found = [
            one for store in self._stores for one in await store.parked.list(subscription, stream=stream, limit=limit)
        ]
        return sorted(found, key=lambda one: (one.subscription, one.position))[:limit]

    async def streams(self, subscription: str | None = None, *, stream: str | None = None) -> Sequence[ParkedStream]:
        """Streams with parked events, by subscription and the position of the first.

        Args:
            subscription: Whose; None for all.
            stream: Only this stream.
        """
        firsts: dict[tuple[str, str], Parked] = {}
        counts: Counter[tuple[str, str]] = Counter()
        for one in await self.list(subscription, stream=stream, limit=_MOST):
            key = one.subscription, one.stream
            firsts.setdefault(key, one)
            counts[key] += 1
        return [ParkedStream(first=first, count=counts[key]) for key, first in firsts.items()]

    async def show(self, subscription: str, position: int) -> ParkedEvent:
        """A parked event, and what the log says of it.

        Raises:
            NotParked: It is not parked.
        """
        _, parked = await self._find(subscription, position)
        return ParkedEvent(parked=parked, recorded=await self._recorded(subscription, position))

    async def edit(self, subscription: str, position: int, data: bytes | str) -> None:
        """Have a parked event read as other data when it is tried again; the log stays as it is.

        Args:
            subscription: Whose.
            position: The event's position.
            data: The event as JSON, in the version that the log has; it has to fit the class of the event, once it has
                been upcast where it is older. Of a message of another service all of it, as `show` has it.

        Raises:
            Invalid: The data does not fit the event's class, or the message could not be read.
            NotParked: It is not parked.
            UnknownMessage: No class is registered for the event.
        """
        store, event = await self._find(subscription, position)
        if is_of_log(subscription):
            found = await self._recorded(subscription, position)
            version = self._catalogue.named(event.type).wire.version if found is None else found.schema_version
            mended = self._mended(event.type, version, data)
        else:
            mended = _document(data)
            if (prove := self._proofs.get(subscription)) is not None:  # else it is received no longer
                prove(mended)
        if not await store.parked.edit(subscription, position, mended):
            raise NotParked(subscription=subscription, what=f"an event at position {position}")

    async def retry(self, subscription: str, stream: str) -> int:
        """Have the owner of a subscription try a stream's parked events again, in order.

        Returns:
            How many there are.

        Raises:
            NotParked: There is none.
        """
        count = sum([await store.parked.retry(subscription, stream) for store in self._stores])
        if not count:
            raise NotParked(subscription=subscription, what=f"an event of stream {stream}")
        return count

    async def retry_all(self, subscription: str, *, limit: int | None = None) -> int:
        """Have the owner of a subscription try everything that it has parked again, each stream in order.

        Args:
            subscription: Whose.
            limit: How many streams at most: those that have waited longest of those that nobody has asked for yet.

        Returns:
            How many events there are.

        Raises:
            NotParked: There is none.
        """
        found = await self.streams(subscription)
        if not found:
            raise NotParked(subscription=subscription, what="anything")
        if limit is not None:
            found = [one for one in found if not one.first.due][:limit]
        streams = [one.first.stream for one in found]
        return sum([await store.parked.retry(subscription, stream) for stream in streams for store in self._stores])

    async def drop(self, subscription: str, position: int) -> int:
        """Give a parked event up: its subscription never handles it.

        What waits behind it goes on waiting, until it is tried again.

        Returns:
            How many events of its stream are still parked.

        Raises:
            NotParked: It is not parked.
        """
        store, event = await self._find(subscription, position)
        await store.commit(Batch(frees=((subscription, position),)))
        return len(await store.parked.list(subscription, stream=event.stream, limit=_MOST))

    def _mended(self, name: str, version: int, data: bytes | str) -> bytes:
        """Data that was edited, as it is kept: normalised, or as it is when it is of an older version."""
        kind = self._catalogue.current(name, version)
        if kind is not None:
            return kind.encode(kind.parse(data))
        try:
            self._catalogue.read(name, version, data)
        except Undecodable as error:
            raise Invalid(error.detail) from error
        return data.encode() if isinstance(data, str) else data

    async def _recorded(self, subscription: str, position: int) -> Recorded | None:
        if not is_of_log(subscription):
            return None
        found = await self._log.read(position - 1, until=position, limit=1)
        return found[0] if found else None

    async def _find(self, subscription: str, position: int) -> tuple[Store, Parked]:
        for store in self._stores:
            parked = await store.parked.get(subscription, position)
            if parked is not None:
                return store, parked
        raise NotParked(subscription=subscription, what=f"an event at position {position}")


def _document(data: bytes | str) -> bytes:
    """Data as it is kept.

    Raises:
        Invalid: It is no JSON object.
    """
    try:
        found: object = from_json(data)
    except ValueError as error:
        raise Invalid(f"it is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise Invalid("it is no JSON object")
    return data.encode() if isinstance(data, str) else data
