"""The one background loop: take, handle, settle, back off, drain.

An application runs one per projection and reaction. The checkpoint moves with the work of the subscriber, so after a
crash it goes on where it stood; a wake-up only makes it look sooner, the poll is the truth.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias, final

from twofold.errors import Conflict
from twofold.messages import Catalogue
from twofold.store import INLINE, Move, Selection, Store
from twofold.subscriptions._subscriber import Subscriber, decode

_PAGE = 500
_POLL = 1.0
_FIRST_BACK_OFF = 0.05
_LAST_BACK_OFF = 10.0


Observer: TypeAlias = Callable[["Subscription"], None]
"""Told of every failure; reads the subscription's `error` and `failures`."""


@final
class Subscription:
    """One subscriber following the log.

    Args:
        subscriber: What handles the events.
        store: The store whose log it follows.
        catalogue: What it decodes with.
        poll: How long it trusts the silence, in seconds.
        observer: Told of failures.
    """

    def __init__(
        self,
        subscriber: Subscriber,
        store: Store,
        catalogue: Catalogue,
        *,
        poll: float = _POLL,
        observer: Observer | None = None,
    ) -> None:
        self.subscriber = subscriber
        self.position = 0
        self.failures = 0
        self.error: Exception | None = None
        self._store = store
        self._catalogue = catalogue
        self._poll = poll
        self._observer = observer
        self._saved = -1
        self._stopping = False
        self._idle: asyncio.Future[None] | None = None
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    @property
    def name(self) -> str:
        """The subscriber's name."""
        return self.subscriber.name

    async def run(self) -> None:
        """Follow the log until stopped.

        What goes wrong is kept in `error` and told to the observer, and the same events are tried again after a
        back-off; nothing is skipped.
        """
        while not self._stopping:
            try:
                busy = await self._step()
            except Exception as error:  # noqa: BLE001  # kept, told and tried again: one bad event must not end the loop
                await self._back_off(error)
            else:
                self.failures, self.error = 0, None
                if not busy:
                    await self._rest(lambda: self._store.wakeup.wait(self.position, self._poll))

    async def catch_up(self) -> int:
        """Deal with what is in the log, instead of following it.

        Returns:
            Where the checkpoint stands now; there is nothing for the subscriber between it and the head.

        Raises:
            Exception: Events could not be handled; what came before them is done.
        """
        while await self._step():
            pass
        return self._saved

    def stop(self) -> None:
        """Stop after the batch that is being handled."""
        self._stopping = True
        if self._idle is not None:
            self._idle.cancel()

    async def reached(self, position: int) -> None:
        """Return once everything up to a position is dealt with."""
        if self.position < position:
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((position, waiting))
            await waiting

    async def _step(self) -> bool:
        """Take and handle one page; whether there may be more right now."""
        if self._saved < 0:
            saved = (await self._store.checkpoints.get(self.name)).position
            if saved == INLINE:
                raise Conflict(f"{self.name!r} is inline in another process: run all of them in one mode")
            self._saved = saved
            self._advance(saved)
        head = await self._store.log.head()
        if head <= self.position:
            return False
        subscriber = self.subscriber
        limit = min(subscriber.batch_size, _PAGE)
        where = (Selection(types=frozenset(subscriber.types)),)
        entries = await self._store.log.read(self.position, until=head, limit=limit, where=where)
        reached = entries[-1].position if len(entries) == limit else head
        if entries:
            await subscriber.handle(
                decode(self._catalogue, entries), Move(name=self.name, position=reached, expected=self._saved)
            )
            self._saved = reached
        self._advance(reached)
        return True

    def _advance(self, position: int) -> None:
        self.position = position
        for wanted, waiting in self._waiting:
            if wanted <= position and not waiting.done():
                waiting.set_result(None)
        self._waiting = [(wanted, waiting) for wanted, waiting in self._waiting if not waiting.done()]

    async def _back_off(self, error: Exception) -> None:
        self.failures += 1
        self.error = error
        self._saved = -1  # somebody else may have moved the checkpoint: ask again where it stands
        if self._observer is not None:
            # By the event loop: what an observer raises is reported there, and never ends this one.
            asyncio.get_running_loop().call_soon(self._observer, self)
        pause = min(_FIRST_BACK_OFF * 2 ** min(self.failures - 1, 16), _LAST_BACK_OFF)
        await self._rest(lambda: asyncio.sleep(pause))

    async def _rest(self, until: Callable[[], Awaitable[None]]) -> None:
        """Wait in a way that `stop` can end."""
        if not self._stopping:
            self._idle = asyncio.ensure_future(until())
            try:
                await asyncio.wait({self._idle})
            finally:
                self._idle.cancel()
                self._idle = None
