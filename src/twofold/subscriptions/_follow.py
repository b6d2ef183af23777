"""What follows the log: take, handle, settle, back off, drain, by the one background loop.

An application runs one per projection and reaction. The checkpoint moves with the work of the subscriber, so after a
crash it goes on where it stood; a wake-up only makes it look sooner, the poll is the truth. What cannot be handled is
put aside with the rest of its stream, and everything else flows.
"""

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from typing import final

from twofold.clock import Clock, SystemClock
from twofold.errors import CheckpointMoved, Classifier
from twofold.messages import Catalogue
from twofold.store import Checkpoint, Fact, Parked, Recorded, Store, decode
from twofold.subscriptions._cut import Cut
from twofold.subscriptions._failures import Failures
from twofold.subscriptions._hold import Hold
from twofold.subscriptions._loop import Loop, Pause
from twofold.subscriptions._owner import Owner
from twofold.subscriptions._pages import Pages
from twofold.subscriptions._parking import Parking
from twofold.subscriptions._reach import Reach
from twofold.subscriptions._rest import Rest
from twofold.subscriptions._retry import Retry
from twofold.subscriptions._subscriber import Source, Subscriber
from twofold.subscriptions._trouble import Observer
from twofold.subscriptions._work import Work

_POLL = 1.0
_AWAITED = 0.1
IDLE = 10_000
_ATTEMPTS = 5


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
        attempts: How often it tries an event before it is put aside; what is unavailable is tried for ever, and what
            only a newer version of the application can read is tried once.
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
        cut, clock = cut or Cut(subscriber.name), clock or SystemClock()
        self.subscriber = subscriber
        self.name = cut.name
        self.selection = cut.of(subscriber.selection)
        self._source = source or store
        self._owner = owner
        self._catalogue = catalogue
        self._poll = poll
        self._rest = Rest()
        self._reach = Reach(clock)
        self._hold = Hold(subscriber, cut, store, self._source, owner, self._reach)
        self._parking = Parking(self.name, store.parked, clock)
        self._failures = Failures(self.name, attempts, classifier or Classifier(), observer)
        self._loop = Loop(self._failures, self._rest)
        work = Work(
            subscriber=subscriber,
            store=store,
            catalogue=catalogue,
            log=self._source.log,
            reach=self._reach,
            hold=self._hold,
            parking=self._parking,
            failures=self._failures,
            rest=self._rest,
        )
        self._pages = Pages(work, self.selection, idle)
        self._retry = Retry(work)

    @property
    def position(self) -> int:
        """The last position that is dealt with, here or by another process."""
        return self._reach.position

    @property
    def failures(self) -> int:
        """How often in a row it has failed."""
        return self._failures.count

    @property
    def error(self) -> Exception | None:
        """What it failed with last; None when all is well."""
        return self._failures.error

    @property
    def still(self) -> float:
        """For how long it has neither moved nor found that nothing waits, in seconds."""
        return self._reach.still

    @property
    def parked(self) -> int:
        """How many streams it has put aside events of, when it last looked."""
        return self._parking.streams

    @property
    def owned(self) -> bool:
        """Whether it follows the log now; otherwise somebody else does or may, or it has just failed."""
        return self._hold.certain

    async def run(self) -> None:
        """Follow the log until stopped, whenever nobody else does.

        What goes wrong is kept in `error` and told to the observer, and the same events are tried again after a
        back-off; what stays wrong is put aside, and nothing is skipped.
        """
        with nullcontext() if self._owner is None else self._owner.following(self.name, self._loop.look_anew):
            await self._loop.run(self._step, self._let_go)

    async def catch_up(self, *, until: int | None = None) -> int:
        """Deal with what is in the log, instead of following it.

        Args:
            until: A position from which on it may stop, since writers need not pause; unless given, it stops where the
                log ends.

        Returns:
            Where the checkpoint stands now; there is nothing for the subscriber between it and `position`.

        Raises:
            EventNotHandled: One could not be handled; what came before it is done.
            Exception: What handles them needs something that is away.
        """
        while (held := await self._take()) is not None:
            if (until is not None and self.position >= until) or not await self._pages.step(held, patient=False):
                return held.position
        raise CheckpointMoved(name=self.name, text="belongs to another process")

    def left(self, entries: Sequence[Recorded]) -> tuple[list[Fact], tuple[Parked, ...]]:
        """Of events behind where it has caught up to: those to handle, and those to put aside behind others."""
        waiting = [entry for entry in entries if self._parking.holds(entry.stream)]
        free = [entry for entry in entries if not self._parking.holds(entry.stream)]
        return decode(self._catalogue, free), tuple(map(self._parking.aside, waiting))

    def stop(self) -> None:
        """Stop after the batch that is being handled."""
        self._rest.stop()

    def wake(self) -> None:
        """Have it look at once whether there is something to do."""
        self._rest.wake()

    async def reached(self, position: int) -> None:
        """Return once everything up to a position is dealt with, here or by another process."""
        if self.position < position:
            waiting = self._reach.until(position)
            if not self.owned:
                self._rest.wake()
            try:
                await waiting
            finally:
                self._reach.forget(position, waiting)

    async def _step(self) -> Pause | None:
        held = await self._take()
        if held is None:
            return self._look_again
        busy = await self._retry.run(held.position) or await self._pages.step(held)
        return None if busy else partial(self._source.wakeup.wait, self.position, self._poll)

    def _let_go(self, _: Exception) -> int:
        self._hold.let_go()
        return self._pages.failing or self.position

    async def _take(self) -> Checkpoint | None:
        """The checkpoint, when it is this subscription's to move."""
        before = self._hold.checkpoint
        held = await self._hold.take()
        if (
            held is not before and held is not None
        ):  # taken anew: another process may have put something aside meanwhile
            await self._parking.look()
            await self._retry.begin(held)
        return held

    async def _look_again(self) -> None:
        """Wait until it is time to look again at what another process has done."""
        pause = _POLL if self._owner is None else self._owner.pause
        await asyncio.sleep(min(pause, _AWAITED) if self._reach.awaited else pause)
