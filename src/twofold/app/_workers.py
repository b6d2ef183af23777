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
        self.subscriptions = [
            Subscription(subscriber, store, catalogue, observer=observer) for subscriber in subscribers
        ]
        self._tasks = [
            asyncio.create_task(subscription.run(), name=f"twofold {subscription.name}")
            for subscription in self.subscriptions
        ]

    async def stop(self) -> None:
        """Let every subscription finish its batch, and wait for it."""
        for subscription in self.subscriptions:
            subscription.stop()
        await asyncio.gather(*self._tasks)

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
                    for subscription in self.subscriptions:
                        await subscription.reached(head)
        except TimeoutError:
            behind = [progress for progress in await self.progress() if progress.lag]
            names = ", ".join(f"{one.name} ({one.lag} behind{', ' + one.error if one.error else ''})" for one in behind)
            raise TimedOut(f"not settled within {timeout} s: {names}") from None
