"""The background of a running application: one task for each subscription, and one that shows that they live."""

import asyncio
from collections.abc import Iterator, Sequence

from twofold.app._progress import Progress, progress_of
from twofold.clock import Clock
from twofold.errors import Classifier, TimedOut
from twofold.messages import Catalogue
from twofold.store import Store
from twofold.subscriptions import Observer, Owner, Subscriber, Subscription, Tail


class Workers:
    """Runs subscriptions until stopped. Made where an event loop is running.

    Args:
        subscribers: What follows the log.
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
        tail = Tail(store)
        self._owner = Owner(store.checkpoints, lease=lease, now=clock.monotonic)
        self.subscriptions = [
            Subscription(
                subscriber,
                store,
                catalogue,
                source=tail,
                owner=self._owner,
                part=part,
                classifier=classifier,
                clock=clock,
                observer=observer,
            )
            for subscriber in subscribers
            for part in _parts(subscriber)
        ]
        self._tasks = [
            asyncio.create_task(subscription.run(), name=f"twofold {subscription.name}")
            for subscription in self.subscriptions
        ]
        self._living = asyncio.create_task(self._owner.run(), name="twofold owner") if self.subscriptions else None

    async def stop(self) -> None:
        """Let every subscription finish its batch, wait for it, and give its checkpoint back."""
        for subscription in self.subscriptions:
            subscription.stop()
        await asyncio.gather(*self._tasks)
        if self._living is not None:
            self._owner.stop()
            await self._living

    async def progress(self) -> list[Progress]:
        """How far each has come."""
        now = self._clock.now()
        head = await self._store.log.head()
        return [await progress_of(one, self._store.log, head, now) for one in self.subscriptions]

    async def settle(self, timeout: float) -> None:
        """Wait until all have reached the head, and what they did has moved it no further.

        Raises:
            TimedOut: They have not within `timeout` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                head = -1
                while head != (head := await self._store.log.head()):
                    for subscription in self.subscriptions:
                        await subscription.reached(head)
        except TimeoutError:
            behind = [progress for progress in await self.progress() if progress.lag]
            names = ", ".join(f"{one.name} ({one.lag} behind{', ' + one.error if one.error else ''})" for one in behind)
            raise TimedOut(f"not settled within {timeout} s: {names}") from None


def _parts(subscriber: Subscriber) -> Iterator[tuple[int, int] | None]:
    count = subscriber.partitions
    yield from [None] if count == 1 else [(index, count) for index in range(count)]
