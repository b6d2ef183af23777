"""The background of a running application: one task for each subscription, and one that shows that they live."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, final

from twofold.app._news import lease_in_danger, taken_over
from twofold.app._progress import Lease, Progress, progress_of, progress_of_inbox
from twofold.app._stores import Stores
from twofold.app._traced import traced
from twofold.app._unknown import Unknown
from twofold.clock import Clock
from twofold.errors import Classifier, TimedOut
from twofold.messages import Catalogue
from twofold.messaging import Receiver
from twofold.middleware import Spans
from twofold.projections import DUE, Refresher
from twofold.store import NOBODY, Log, Store, foundation, furthest
from twofold.subscriptions import IDLE, Cut, Observer, Owner, Subscriber, Subscription, Tail

_HELD_BACK: Final = "a transaction that has drawn positions is still open, and nobody knows yet what is above it"


@final
class _Side:
    """What runs with its checkpoints in one store."""

    def __init__(self, store: Store, owner: Owner) -> None:
        self.store = store
        self.owner = owner
        self.tasks: dict[Subscription, asyncio.Task[None]] = {}
        self.receivers: dict[Receiver, asyncio.Task[None]] = {}
        self._living: asyncio.Task[None] | None = None

    def run(self, subscription: Subscription) -> Subscription:
        self.tasks[subscription] = asyncio.create_task(subscription.run(), name=f"twofold {subscription.name}")
        self._live()
        return subscription

    def receive(self, receiver: Receiver) -> None:
        self.receivers[receiver] = asyncio.create_task(receiver.run(), name=f"twofold {receiver.name}")
        self._live()

    def _live(self) -> None:
        if self._living is None:
            self._living = asyncio.create_task(self.owner.run(), name="twofold owner")

    async def remove(self, subscription: Subscription) -> None:
        subscription.stop()
        await asyncio.wait({self.tasks[subscription]})  # whoever is cancelled here does not cancel it
        await self.tasks.pop(subscription)
        await self.owner.give_back(subscription.name)

    def stop(self) -> None:
        for subscription in self.tasks:
            subscription.stop()
        for receiver in self.receivers:
            receiver.stop()

    async def ended(self) -> None:
        await asyncio.gather(*self.tasks.values(), *self.receivers.values())
        if self._living is not None:
            self.owner.stop()
            await self._living

    async def progress(self, log: Log, clock: Clock) -> list[Progress]:
        now, head = clock.now(), await log.head()
        stand = await self.store.checkpoints.all()
        owners = {one.name: NOBODY if self.owner.dead(one) else one.owner for one in stand}
        lease: Lease = "lost" if not self.owner.sure else "failing" if self.owner.error is not None else "kept"
        told = [await progress_of(one, log, head, now) for one in list(self.tasks)]
        told += map(progress_of_inbox, self.receivers)
        return [
            replace(
                one,
                owner=owners.get(one.name, NOBODY),
                lease=lease,
                parked=len(await self.store.parked.streams(one.name)),
            )
            for one in told
        ]


class Workers:
    """Runs subscriptions until stopped. Made where an event loop is running.

    Args:
        followers: What follows the log, with the store that its checkpoints are in.
        views: What keeps materialized views.
        receivers: Make what receives messages of other services, given who this process is.
        stores: Where the log and the views are.
        catalogue: What events are decoded with.
        clock: Tells the time.
        classifier: Tells what is unavailable.
        lease: How long an owner of a subscription may show no sign of life, in seconds.
        observer: Told of failures.
        spans: Where spans of batches go; None for nowhere.
    """

    def __init__(
        self,
        followers: Sequence[tuple[Store, Sequence[Subscriber]]],
        views: Sequence[Refresher],
        receivers: Sequence[Callable[[Owner], Receiver]],
        stores: Stores,
        catalogue: Catalogue,
        *,
        clock: Clock,
        classifier: Classifier,
        lease: float,
        observer: Observer | None,
        spans: Spans | None,
    ) -> None:
        self._log = foundation(stores.write).log  # where it stands is told without keys
        self._clock = clock
        self._tail = Tail(stores.write, seen=Unknown(catalogue).look)
        self._catalogue = catalogue
        self._spans = spans
        self._follow = partial(Subscription, classifier=classifier, clock=clock, observer=observer)

        def side(store: Store) -> _Side:
            owner = Owner(
                store.checkpoints, lease=lease, now=clock.monotonic, observer=lease_in_danger, taken=taken_over
            )
            return _Side(store, owner)

        self.here: dict[str, Subscription] = {}
        """What follows the log in this process, by name."""
        self._write = side(stores.write)
        self._read = side(stores.read) if stores.apart else self._write
        self._sides = [self._read, self._write] if stores.apart else [self._write]
        for store, subscribers in followers:
            for subscriber in subscribers:
                for cut in Cut.all_of(subscriber.name, subscriber.partitions):
                    self._add(self._write if store is stores.write else self._read, subscriber, cut)
        for make in receivers:
            self._write.receive(make(self._write.owner))
        for view in views:
            source = view.source(self._tail, clock)
            follow = partial(self._follow, store=stores.read, owner=self._read.owner, idle=self._idle(self._read))
            running = self._read.run(follow(view, catalogue=DUE, source=source))
            if view.types:
                self.here[view.name] = running

    @property
    def subscriptions(self) -> list[Subscription]:
        """What runs."""
        return [subscription for side in self._sides for subscription in side.tasks]

    def add(self, subscriber: Subscriber, cut: Cut | None = None) -> Subscription:
        """Run one more, with its checkpoint where queries read.

        Args:
            subscriber: What follows the log.
            cut: The part of its events that it handles; all of them unless given.
        """
        return self._add(self._read, subscriber, cut)

    async def remove(self, subscription: Subscription) -> None:
        """Let one that was added finish its batch, give its checkpoint back, and run it no more."""
        self.here.pop(subscription.name, None)
        await self._read.remove(subscription)

    def _add(self, side: _Side, subscriber: Subscriber, cut: Cut | None) -> Subscription:
        follow = partial(self._follow, store=side.store, owner=side.owner, idle=self._idle(side))
        seen = traced(subscriber, self._spans)
        subscription = follow(seen, catalogue=self._catalogue, source=self._tail, cut=cut)
        self.here[subscription.name] = subscription
        return side.run(subscription)

    def _idle(self, side: _Side) -> int:
        # Who sees nothing but the read database has to find there that a projection is as far as the log.
        return IDLE if side is self._write else 1

    def wake(self, names: Iterable[str]) -> None:
        """Have some of what follows the log here look at once whether there is something to do."""
        for name in names:
            self.here[name].wake()

    async def stop(self) -> None:
        """Let every subscription finish its batch, wait for it, and give its checkpoint back."""
        for side in self._sides:
            side.stop()
        for side in self._sides:
            await side.ended()

    async def progress(self) -> list[Progress]:
        """How far each has come."""
        return [one for side in self._sides for one in await side.progress(self._log, self._clock)]

    async def settle(self, timeout: float) -> None:
        """Wait until what has come is recorded, all have reached what is in the log, and that has moved no further.

        Raises:
            TimedOut: They have not within `timeout` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                for receiver in self._write.receivers:
                    await receiver.settled()
                head = -1
                while head != (head := await furthest(self._log)):
                    for subscription, running in [pair for side in self._sides for pair in side.tasks.items()]:
                        reached = asyncio.ensure_future(subscription.reached(head))
                        try:
                            await asyncio.wait({reached, running}, return_when=asyncio.FIRST_COMPLETED)
                        finally:
                            reached.cancel()
        except TimeoutError:
            behind = [progress for progress in await self.progress() if progress.lag or progress.failures]
            names = ", ".join(f"{one.name} ({one.lag} behind{', ' + one.error if one.error else ''})" for one in behind)
            raise TimedOut(f"not settled within {timeout} s: {names or _HELD_BACK}") from None
