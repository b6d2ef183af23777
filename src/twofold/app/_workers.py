"""The background of a running application: one task for each subscription, and one that shows that they live."""

import asyncio
from collections.abc import Sequence
from functools import partial

from twofold.app._progress import Progress, progress_of
from twofold.app._stores import Stores
from twofold.clock import Clock
from twofold.errors import Classifier, TimedOut
from twofold.messages import Catalogue
from twofold.projections import DUE, Refresher
from twofold.store import NOBODY, Store
from twofold.subscriptions import IDLE, Cut, Observer, Owner, Subscriber, Subscription, Tail


class Workers:
    """Runs subscriptions until stopped. Made where an event loop is running.

    Args:
        followers: What follows the log, with the store that its checkpoints are in.
        views: What keeps materialized views.
        stores: Where the log and the views are.
        catalogue: What events are decoded with.
        clock: Tells the time.
        classifier: Tells what is unavailable.
        lease: How long an owner of a subscription may show no sign of life, in seconds.
        observer: Told of failures.
    """

    def __init__(
        self,
        followers: Sequence[tuple[Store, Sequence[Subscriber]]],
        views: Sequence[Refresher],
        stores: Stores,
        catalogue: Catalogue,
        *,
        clock: Clock,
        classifier: Classifier,
        lease: float,
        observer: Observer | None,
    ) -> None:
        self._log = stores.write.log
        self._clock = clock
        self._owners = list[Owner]()
        self._places = list[tuple[Store, list[Subscription]]]()
        tail = Tail(stores.write)
        for store, subscribers in followers:
            owner = Owner(store.checkpoints, lease=lease, now=clock.monotonic)
            follow = partial(
                Subscription, store=store, owner=owner, classifier=classifier, clock=clock, observer=observer
            )
            # Who sees nothing but the read database has to find there that a projection is as far as the log.
            follow_log = partial(follow, catalogue=catalogue, source=tail, idle=IDLE if store is stores.write else 1)
            placed = [
                follow_log(subscriber, cut=cut)
                for subscriber in subscribers
                for cut in Cut.all_of(subscriber.name, subscriber.partitions)
            ]
            if store is stores.read:
                placed += [follow(view, catalogue=DUE, source=view.source(tail, clock)) for view in views]
            self._owners.append(owner)
            self._places.append((store, placed))
        self.subscriptions = [subscription for _, placed in self._places for subscription in placed]
        self._tasks = [
            asyncio.create_task(subscription.run(), name=f"twofold {subscription.name}")
            for subscription in self.subscriptions
        ]
        owners = self._owners if self.subscriptions else ()
        self._living = [asyncio.create_task(owner.run(), name="twofold owner") for owner in owners]

    async def stop(self) -> None:
        """Let every subscription finish its batch, wait for it, and give its checkpoint back."""
        for subscription in self.subscriptions:
            subscription.stop()
        await asyncio.gather(*self._tasks)
        for owner in self._owners:
            owner.stop()
        await asyncio.gather(*self._living)

    async def progress(self) -> list[Progress]:
        """How far each has come."""
        now = self._clock.now()
        head = await self._log.head()
        progress: list[Progress] = []
        for store, placed in self._places:
            owners = {one.name: one.owner for one in await store.checkpoints.all()}
            progress += [
                await progress_of(one, self._log, store.parked, owners.get(one.name, NOBODY), head, now)
                for one in placed
            ]
        return progress

    async def settle(self, timeout: float) -> None:
        """Wait until all have reached the head, and what they did has moved it no further.

        Raises:
            TimedOut: They have not within `timeout` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                head = -1
                while head != (head := await self._log.head()):
                    for subscription in self.subscriptions:
                        await subscription.reached(head)
        except TimeoutError:
            behind = [progress for progress in await self.progress() if progress.lag]
            names = ", ".join(f"{one.name} ({one.lag} behind{', ' + one.error if one.error else ''})" for one in behind)
            raise TimedOut(f"not settled within {timeout} s: {names}") from None
