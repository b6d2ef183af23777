"""The background of a running application: one task for each subscription, and one that shows that they live."""

import asyncio
from collections.abc import Sequence
from functools import partial

from twofold.app._progress import Progress, progress_of
from twofold.clock import Clock
from twofold.errors import Classifier, TimedOut
from twofold.messages import Catalogue
from twofold.projections import DUE, Refresher
from twofold.store import NOBODY, Store
from twofold.subscriptions import Cut, Observer, Owner, Subscriber, Subscription, Tail


class Workers:
    """Runs subscriptions until stopped. Made where an event loop is running.

    Args:
        subscribers: What follows the log.
        views: What keeps materialized views.
        store: The store whose log it is.
        catalogue: What events are decoded with.
        clock: Tells the time.
        classifier: Tells what is unavailable.
        lease: How long an owner of a subscription may show no sign of life, in seconds.
        observer: Told of failures.
    """

    def __init__(
        self,
        subscribers: Sequence[Subscriber],
        views: Sequence[Refresher],
        store: Store,
        catalogue: Catalogue,
        *,
        clock: Clock,
        classifier: Classifier,
        lease: float,
        observer: Observer | None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._tail = Tail(store)
        self._owner = Owner(store.checkpoints, lease=lease, now=clock.monotonic)
        self._follow = partial(
            Subscription, store=store, owner=self._owner, classifier=classifier, clock=clock, observer=observer
        )
        self._catalogue = catalogue
        self._tasks = dict[Subscription, asyncio.Task[None]]()
        self._living: asyncio.Task[None] | None = None
        for subscriber in subscribers:
            for cut in Cut.all_of(subscriber.name, subscriber.partitions):
                self.add(subscriber, cut)
        for view in views:
            self._run(self._follow(view, catalogue=DUE, source=view.source(self._tail, clock)))

    @property
    def subscriptions(self) -> list[Subscription]:
        """What runs."""
        return list(self._tasks)

    def add(self, subscriber: Subscriber, cut: Cut | None = None) -> Subscription:
        """Run one more.

        Args:
            subscriber: What follows the log.
            cut: The part of its events that it handles; all of them unless given.
        """
        return self._run(self._follow(subscriber, catalogue=self._catalogue, source=self._tail, cut=cut))

    async def remove(self, subscription: Subscription) -> None:
        """Let one finish its batch, give its checkpoint back, and run it no more."""
        subscription.stop()
        await asyncio.wait({self._tasks[subscription]})  # whoever is cancelled here does not cancel it
        await self._tasks.pop(subscription)
        await self._owner.give_back(subscription.name)

    def _run(self, subscription: Subscription) -> Subscription:
        self._tasks[subscription] = asyncio.create_task(subscription.run(), name=f"twofold {subscription.name}")
        if self._living is None:
            self._living = asyncio.create_task(self._owner.run(), name="twofold owner")
        return subscription

    async def stop(self) -> None:
        """Let every subscription finish its batch, wait for it, and give its checkpoint back."""
        for subscription in self._tasks:
            subscription.stop()
        await asyncio.gather(*self._tasks.values())
        if self._living is not None:
            self._owner.stop()
            await self._living

    async def progress(self) -> list[Progress]:
        """How far each has come."""
        now = self._clock.now()
        head = await self._store.log.head()
        owners = {one.name: one.owner for one in await self._store.checkpoints.all()}
        return [
            await progress_of(one, self._store, owners.get(one.name, NOBODY), head, now) for one in self.subscriptions
        ]

    async def settle(self, timeout: float) -> None:
        """Wait until all have reached the head, and what they did has moved it no further.

        Raises:
            TimedOut: They have not within `timeout` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                head = -1
                while head != (head := await self._store.log.head()):
                    for subscription, running in list(self._tasks.items()):
                        reached = asyncio.ensure_future(subscription.reached(head))
                        try:
                            await asyncio.wait({reached, running}, return_when=asyncio.FIRST_COMPLETED)
                        finally:
                            reached.cancel()
        except TimeoutError:
            behind = [progress for progress in await self.progress() if progress.lag]
            names = ", ".join(f"{one.name} ({one.lag} behind{', ' + one.error if one.error else ''})" for one in behind)
            raise TimedOut(f"not settled within {timeout} s: {names}") from None
