"""What followers have put aside: what it quotes of an event with personal data is encrypted as that is.

An error may quote any field of the event that it is about, and so may its trace.
"""

from collections.abc import Collection, Sequence
from typing import final
from uuid import UUID

from twofold.personal._documents import Documents, Place, is_sealed, keys_of
from twofold.personal._keys import SubjectGone
from twofold.store import Log, Parked, ParkedEvents, is_of_log

_GONE = "erased"


@final
class PersonalParked:
    """`ParkedEvents` in front of others.

    Args:
        behind: The others.
        log: The log, as it is kept.
        documents: Encrypts and decrypts.
    """

    __slots__ = ("_behind", "_documents", "_log")

    def __init__(self, behind: ParkedEvents, log: Log, documents: Documents) -> None:
        self._behind = behind
        self._log = log
        self._documents = documents

    async def list(
        self, subscription: str | None = None, *, stream: str | None = None, due: bool = False, limit: int = 1000
    ) -> Sequence[Parked]:
        """Parked events, decrypted."""
        found = await self._behind.list(subscription, stream=stream, due=due, limit=limit)
        return [await self._opened(one) for one in found]

    async def get(self, subscription: str, position: int) -> Parked | None:
        """A parked event, decrypted."""
        found = await self._behind.get(subscription, position)
        return None if found is None else await self._opened(found)

    async def streams(self, subscription: str) -> Collection[str]:
        """The streams of which a subscription has parked events."""
        return await self._behind.streams(subscription)

    async def retry(self, subscription: str, stream: str) -> int:
        """Have the owner of a subscription try a stream's parked events again, in order."""
        return await self._behind.retry(subscription, stream)

    async def edit(self, subscription: str, position: int, data: bytes) -> bool:
        """Have a parked event read as this JSON from now on, which is kept encrypted.

        Raises:
            SubjectGone: Its subject is erased.
        """
        keys = await self.keys(subscription, position)
        if keys:
            sealed = await self._documents.seal_text(data, keys, (subscription, str(position)))
            if not sealed:
                raise SubjectGone(f"the subject of the event at position {position}")
            data = sealed.encode()
        return await self._behind.edit(subscription, position, data)

    async def keys(self, subscription: str, position: int) -> set[UUID]:
        """The ids of the keys that the event is encrypted under that a subscription has put aside at a position."""
        if not is_of_log(subscription):
            return set()
        page = await self._log.read(position - 1, until=position, limit=1)
        return {key for one in page for key in keys_of(one.data)}

    async def sealed(self, parked: Parked) -> Parked:
        """What is put aside, encrypted when its event is."""
        keys = await self.keys(parked.subscription, parked.position)
        if not keys:
            return parked
        place = parked.subscription, str(parked.position)

        async def seal(text: str) -> str:
            return await self._documents.seal_text(text.encode(), keys, place) if text else ""

        data = None if parked.data is None else (await seal(parked.data.decode())).encode() or None
        return parked._replace(cause=await seal(parked.cause), trace=await seal(parked.trace), data=data)

    async def _opened(self, parked: Parked) -> Parked:
        place = parked.subscription, str(parked.position)
        cause, trace = await self._text(parked.cause, place), await self._text(parked.trace, place)
        data = parked.data
        if data is not None and is_sealed(data.decode(errors="replace")):
            data = await self._documents.open_text(data.decode(), place)
        if (cause, trace, data) == (parked.cause, parked.trace, parked.data):
            return parked
        return parked._replace(cause=cause, trace=trace, data=data)

    async def _text(self, text: str, place: Place) -> str:
        if not is_sealed(text):
            return text
        found = await self._documents.open_text(text, place)
        return _GONE if found is None else found.decode(errors="replace")
