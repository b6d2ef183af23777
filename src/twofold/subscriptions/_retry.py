"""Trying parked events again: in the order of their stream, and nothing passes what fails.

Somebody wants it, or the process that has just taken the checkpoint knows what the one before it did not.
"""

from typing import final

from twofold.errors import NewerVersion, Undecodable, UnknownMessage
from twofold.store import Batch, Checkpoint, Parked, decode
from twofold.subscriptions._parking import entry_of
from twofold.subscriptions._work import Work


@final
class Retry:
    """What one subscription has parked, on its way back.

    Args:
        work: What it works with.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._token: int | None = None
        """That of the checkpoint when it was last begun with."""

    async def run(self, position: int) -> bool:
        """Try the parked events of one stream again, if somebody wants it; whether there were any.

        Args:
            position: Where the checkpoint stands.
        """
        first = await self._work.parking.due()
        if first is None:
            return False
        while first is not None and not self._work.rest.over and await self._try_again(first, position):
            first = await self._work.parking.first(first.stream)
        await self._work.parking.look()
        return True

    async def begin(self, held: Checkpoint) -> None:
        """Have tried again what was of a newer version than an earlier owner knew, and this process knows.

        Args:
            held: The checkpoint, as it was taken.
        """
        if held.token == self._token:
            return  # nobody else has had it since
        for first in await self._work.parking.beyond():
            if await self._is_known(first):
                await self._work.parking.wake(first)
        self._token = held.token

    async def _is_known(self, first: Parked) -> bool:
        entry = await entry_of(first, self._work.log)
        try:
            decode(self._work.catalogue, () if entry is None else (entry,))
        except (NewerVersion, UnknownMessage):
            return False
        except Undecodable:
            pass  # it is known here, and trying it again tells what is wrong with it
        return True

    async def _try_again(self, first: Parked, position: int) -> bool:
        """Try the first of a stream's parked events; whether to go on with what is the first then."""
        fence = (self._work.hold.move(position),)
        settled = Batch(moves=fence, frees=((first.subscription, first.position),))
        try:
            entry = await entry_of(first, self._work.log)
            facts = [] if entry is None else decode(self._work.catalogue, (entry,))
            if not self._work.hold.certain:
                return False  # frozen since it was taken: it stays due, for who holds it now
            if facts:
                await self._work.subscriber.handle(facts, settled)
            else:
                await self._work.store.commit(settled)
        except Exception as error:
            if self._work.failures.passes(error):
                raise
            again = await self._work.parking.failed_again(
                first, error, lambda noted: self._work.store.commit(Batch(moves=fence, reparks=tuple(noted)))
            )
            if again is not None:
                self._work.failures.tell(error, self._work.reach.position, again)
            return again is None
        return True
