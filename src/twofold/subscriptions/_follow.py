"""The one background loop: take, handle, settle, back off, drain.

An application runs one per projection and reaction. The checkpoint moves with the work of the subscriber, so after a
crash it goes on where it stood; a wake-up only makes it look sooner, the poll is the truth. What cannot be handled is
put aside with the rest of its stream, and everything else flows.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import final

from twofold.clock import Clock, SystemClock
from twofold.errors import CheckpointMoved, Classifier, Conflict, Family
from twofold.messages import Catalogue
from twofold.store import INLINE, NOBODY, Batch, Checkpoint, Move, Parked, Recorded, Store
from twofold.subscriptions._cut import Cut, dealt_with
from twofold.subscriptions._owner import Owner
from twofold.subscriptions._parking import Parking, entry_of
from twofold.subscriptions._replaced import LogReplaced
from twofold.subscriptions._subscriber import Source, Subscriber, decode
from twofold.subscriptions._trouble import Observer, Trouble

_PAGE = 500
_POLL = 1.0
_FIRST_BACK_OFF = 0.05
_LAST_BACK_OFF = 10.0
IDLE = 10_000
_ATTEMPTS = 5
_ALL_PARKED = 1_000_000


@final
class Subscription:
    """One subscriber following the log.

    Args:
        subscriber: What handles the events.
        store: The store that its checkpoint is in.
        catalogue: What it decodes with.
        source: The log that it follows; the store's own unless given.
        owner: Who owns the checkpoint while it follows; None for nobody, when nobody else can be following.
        cut: The part of the subscriber's events that it handles; all of them unless given.
        poll: How long it trusts the silence, in seconds.
        idle: After how many positions without an event of interest its checkpoint moves all the same.
        attempts: How often it tries an event before it is put aside; what is unavailable is tried for ever.
        classifier: Tells what is unavailable.
        clock: Tells when something was put aside.
        observer: Told of failures.
    """

    def __init__(
        self,
        subscriber: Subscriber,
        store: Store,
        catalogue: Catalogue,
        *,
        source: Source | None = None,
        owner: Owner | None = None,
        cut: Cut | None = None,
        poll: float = _POLL,
        idle: int = IDLE,
        attempts: int = _ATTEMPTS,
        classifier: Classifier | None = None,
        clock: Clock | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.subscriber = subscriber
        self._cut = cut or Cut(subscriber.name)
        self.name = self._cut.name
        self.selection = self._cut.of(subscriber.selection)
        self.position = 0
        self.failures = 0
        self.error: Exception | None = None
        self._store = store
        self._source = source or store
        self._catalogue = catalogue
        self._owner = owner
        self._poll = poll
        self._idle_move = idle
        self._attempts = attempts
        self._classifier = classifier or Classifier()
        self._observer = observer
        self._clock = clock or SystemClock()
        self._parking = Parking(self.name, store.parked, self._clock)
        self._moved = self._clock.monotonic()
        self._held: Checkpoint | None = None
        self._others: Sequence[Checkpoint] = ()
        self._looked_at: int | None = None
        self._careful = 0
        self._stopping = False
        self._idle: asyncio.Future[None] | None = None
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    @property
    def still(self) -> float:
        """For how long it has neither moved nor found that nothing waits, in seconds."""
        return self._clock.monotonic() - self._moved

    @property
    def parked(self) -> int:
        """How many streams it has put aside events of, when it last looked."""
        return self._parking.streams

    @property
    def owned(self) -> bool:
        """Whether it follows the log now; otherwise somebody else does, or it has just failed."""
        return self._held is not None

    async def run(self) -> None:
        """Follow the log until stopped, whenever nobody else does.

        What goes wrong is kept in `error` and told to the observer, and the same events are tried again after a
        back-off; what stays wrong is put aside, and nothing is skipped.
        """
        while not self._stopping:
            try:
                busy = await self._hold() and (await self._retry() or await self._step())
            except Exception as error:  # noqa: BLE001  # kept, told and tried again: one bad event must not end the loop
                await self._back_off(error)
            else:
                self.failures, self.error = 0, None
                if self._held is None:
                    await self._rest(lambda: asyncio.sleep(self._pause))
                elif not busy:
                    await self._rest(lambda: self._source.wakeup.wait(self.position, self._poll))

    async def catch_up(self) -> int:
        """Deal with what is in the log, instead of following it.

        Returns:
            Where the checkpoint stands now; there is nothing for the subscriber between it and the head.

        Raises:
            Exception: Events could not be handled; what came before them is done.
        """
        held = await self._hold()
        while held and await self._step(patient=False):
            held = self._held
        if held is None:
            raise CheckpointMoved(name=self.name, text="belongs to another process")
        return held.position

    def stop(self) -> None:
        """Stop after the batch that is being handled."""
        self._stopping = True
        if self._idle is not None:
            self._idle.cancel()

    async def reached(self, position: int) -> None:
        """Return once everything up to a position is dealt with, here or by another process."""
        if self.position < position:
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((position, waiting))
            if self._held is None and self._idle is not None:
                self._idle.cancel()
            try:
                await waiting
            finally:
                with suppress(ValueError):  # it is there still when whoever waits has given up
                    self._waiting.remove((position, waiting))

    async def _hold(self) -> Checkpoint | None:
        """The checkpoint, when it is this subscription's to move."""
        if self._owner is not None and not self._owner.sure:
            self._held = None  # it was frozen, or the store was away: somebody else may follow by now
            await self._owner.show()
        if self._held is None:
            seen = await self._store.checkpoints.get(self.name)
            if seen.position == INLINE:
                raise Conflict(f"{self.name!r} is inline in another process: run all of them in one mode")
            held = seen if self._owner is None else await self._owner.acquire(seen)
            if held is None or not await self._follows_on():
                await self._look_on(seen)
                return None
            self._looked_at = None
            self._held = await self._begin(held)
            await self._parking.look()
            self._advance(self._held.position)
        return self._held

    async def _begin(self, held: Checkpoint) -> Checkpoint:
        """See that the log is the one that was followed before, and place a checkpoint that is new."""
        log = self._source.log
        epoch, head = await log.epoch(), await log.head()
        other = held.epoch not in ("", epoch)
        if other or held.position > head:
            raise LogReplaced(name=self.name, position=held.position, head=head, shorter=not other)
        if held.position == 0 and not held.epoch:
            start = min((one.position for one in self._others), default=self.subscriber.start)
            position = {"beginning": 0, "now": head}[start] if isinstance(start, str) else start
            await self._store.commit(Batch(moves=(self._move(held, position, epoch),)))
            held = replace(held, position=position)
        return replace(held, epoch=epoch)

    async def _follows_on(self) -> bool:
        """Take over from an earlier cut; whether nobody follows by that one any more."""
        self._others = self._cut.others(await self._store.checkpoints.all())
        for other in self._others:
            if self._owner is not None and other.owner != NOBODY:
                if await self._owner.acquire(other) is None:
                    return False
                await self._owner.give_back(other.name)
            left = self._cut.inherited(await self._store.parked.list(other.name, limit=_ALL_PARKED))
            if left:
                frees = tuple((other.name, one.position) for one in left)
                await self._store.commit(Batch(parks=left, frees=frees))
        return True

    async def _look_on(self, seen: Checkpoint) -> None:
        """Notice how far the owner has come; there may be nothing for it behind its checkpoint."""
        if seen.position != self._looked_at:
            self._looked_at = seen.position
            self._advance(seen.position)
        log = self._source.log
        head = await log.head()
        if not await log.read(self.position, until=head, limit=1, where=(self.selection,)):
            self._advance(head)
            self._moved = self._clock.monotonic()

    async def _step(self, *, patient: bool = True) -> bool:
        """Take and handle one page; whether there may be more right now."""
        held = self._held
        head = await self._source.log.head()
        if held is None or head <= self.position:
            self._moved = self._clock.monotonic()
            return False
        limit = 1 if self.position < self._careful else min(self.subscriber.batch_size, _PAGE)
        entries = await self._source.log.read(self.position, until=head, limit=limit, where=(self.selection,))
        reached = entries[-1].position if len(entries) == limit else head
        if entries:
            settled = await self._settle(held, entries, reached, patient=patient)
            if not settled:
                return True
        elif reached - held.position >= self._idle_move:
            await self._store.commit(Batch(moves=(self._move(held, reached),)))
            self._held = replace(held, position=reached)
        self._advance(reached)
        return True

    async def _settle(self, held: Checkpoint, entries: Sequence[Recorded], reached: int, *, patient: bool) -> bool:
        """Handle a page; whether it is dealt with, or else to be taken again one by one."""
        behind = await self._parking.behind(entries)
        passed = {one.position for one in behind}
        if self._others:
            passed.update(one.position for one in entries if dealt_with(one.position, one.stream, self._others))
        free = [entry for entry in entries if entry.position not in passed]
        settled = Batch(moves=(self._move(held, reached),), parks=tuple(behind))
        try:
            if free:
                await self.subscriber.handle(decode(self._catalogue, free), settled)
            else:
                await self._store.commit(settled)
        except Exception as error:
            await self._require(held, error)
            if len(free) > 1 and not self._passes(error):
                self._careful = reached
                return False
            if not patient or self.failures + 1 < self._attempts or self._passes(error):
                raise
            await self._put_aside(held, free[0], error, settled)
        self._held = replace(held, position=reached)
        for stream in await self._parking.alone(behind):
            await self._store.parked.retry(self.name, stream)
        return True

    async def _require(self, held: Checkpoint, error: Exception) -> None:
        """Whatever a subscriber fails with after another process has done the same work, that is why."""
        stands = await self._store.checkpoints.get(self.name)
        if (stands.position, stands.token) != (held.position, held.token):
            raise CheckpointMoved(
                name=self.name, text=f"stands at {stands.position}, not at {held.position}"
            ) from error

    async def _put_aside(self, held: Checkpoint, entry: Recorded, error: Exception, settled: Batch) -> None:
        parked = self._parking.aside(entry, error, self.failures + 1)
        await self._store.commit(replace(settled, parks=(*settled.parks, parked)))
        self.failures += 1
        self._tell(error, parked)
        await self._parking.look()

    async def _retry(self) -> bool:
        """Try a stream's parked events again, if somebody wants it; whether there were any."""
        held, first = self._held, await self._parking.due()
        if held is None or first is None:
            return False
        while first is not None and not self._stopping and await self._try_again(held, first):
            first = await self._parking.first(first.stream)
        await self._parking.look()
        return True

    async def _try_again(self, held: Checkpoint, first: Parked) -> bool:
        """Try the first of a stream's parked events; whether to go on with what is the first then."""
        fence = (self._move(held, held.position),)
        settled = Batch(moves=fence, frees=((self.name, first.position),))
        try:
            entry = await entry_of(first, self._source.log)
            if entry is None:
                await self._store.commit(settled)
            else:
                await self.subscriber.handle(decode(self._catalogue, (entry,)), settled)
        except Exception as error:
            if self._passes(error):
                raise
            if not await self._parking.unchanged(first):
                return True  # dropped, or edited, while it was tried: what stands now counts
            again = self._parking.again(first, error)
            await self._store.commit(Batch(moves=fence, parks=(again,)))
            self._tell(error, again)
            while others := await self._parking.others_due(first.stream):
                await self._store.commit(Batch(moves=fence, parks=tuple(others)))
            return False
        return True

    def _move(self, held: Checkpoint, position: int, epoch: str = "") -> Move:
        token = None if self._owner is None else held.token
        version = self.subscriber.version
        return Move(self.name, position, held.position, token=token, epoch=epoch, version=version)

    def _passes(self, error: Exception) -> bool:
        """Whether an error says nothing about the event: what it needs is away, or the checkpoint is another's."""
        category = self._classifier.of_exception(error)
        away = category is not None and category.family is Family.UNAVAILABLE
        return away or isinstance(error, CheckpointMoved)

    def _advance(self, position: int) -> None:
        if position != self.position:
            self.position, self._moved = position, self._clock.monotonic()
        for wanted, waiting in self._waiting:
            if wanted <= position and not waiting.done():
                waiting.set_result(None)
        self._waiting = [(wanted, waiting) for wanted, waiting in self._waiting if not waiting.done()]

    @property
    def _pause(self) -> float:
        pause = _POLL if self._owner is None else self._owner.pause
        return min(pause, 0.1) if self._waiting else pause

    def _tell(self, error: Exception, parked: Parked | None = None) -> None:
        if self._observer is not None:
            trouble = Trouble(
                subscription=self.name, position=self.position, error=error, failures=self.failures, parked=parked
            )
            # By the event loop: what an observer raises is reported there, and never ends this one.
            asyncio.get_running_loop().call_soon(self._observer, trouble)

    async def _back_off(self, error: Exception) -> None:
        self.failures += 1
        self.error = error
        self._held = None  # somebody else may have moved the checkpoint: ask again where it stands
        self._tell(error)
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
