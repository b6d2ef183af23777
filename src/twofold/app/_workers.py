"""The background of a running application: one task per subscription."""

import asyncio
from collections.abc import Sequence

from twofold.app._progress import Progress
from twofold.errors import TimedOut
from twofold.messages import Catalogue
from twofold.store import Store
from twofold.subscriptions import Observer, Subscriber, Subscription


class Workers:
    """Runs subscriptions until stopped. Made where an event loop is running.

    Args:
        subscribers: What follows the log.
        store: The store whose log it is.
        catalogue: What events are decoded with.
        observer: Told of failures.
    """

    def __init__(
        self, subscribers: Sequence[Subscriber], store: Store, catalogue: Catalogue, observer: Observer | None
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._observer = observer
        self._tasks = dict[Subscription, asyncio.Task[None]]()
        for subscriber in subscribers:
            self.add(subscriber)

    @property
    def subscriptions(self) -> list[Subscription]:
        """What runs."""
        return list(self._tasks)

    def add(self, subscriber: Subscriber) -> Subscription:
        """Run one more."""
        subscription = Subscription(subscriber, self._store, self._catalogue, observer=self._observer)
        task = asyncio.create_task(subscription.run(), name=f"twofold {subscription.name}")
        self._tasks[subscription] = task
        return subscription

    async def remove(self, subscription: Subscription) -> None:
        """Let one finish its batch, and run it no more."""
        subscription.stop()
        await asyncio.wait({self._tasks[subscription]})  # whoever is cancelled here does not cancel it
        await self._tasks.pop(subscription)

    async def stop(self) -> None:
        """Let every subscription finish its batch, and wait for it."""
        for subscription in self._tasks:
            subscription.stop()
        await asyncio.gather(*self._tasks.values())

    async def progress(self) -> list[Progress]:
        """How far each has come."""
        head = await self._store.log.head()
        return [
            Progress(
                name=subscription.name,
                position=subscription.position,
                head=head,
                failures=subscription.failures,
                error="" if subscription.error is None else repr(subscription.error),
            )
            for subscription in self.subscriptions
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
