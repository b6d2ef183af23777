"""Going round until stopped: work, back off behind a failure, and rest where there is nothing to do."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias, final

from twofold.subscriptions._failures import Failures
from twofold.subscriptions._rest import Rest

Pause: TypeAlias = Callable[[], Awaitable[None]]
"""Returns when there may be something to do again."""


@final
class Loop:
    """The loop of one follower.

    Args:
        failures: What has gone wrong in it.
        rest: Ends its pauses, and the loop.
    """

    def __init__(self, failures: Failures, rest: Rest) -> None:
        self._failures = failures
        self._rest = rest

    async def run(self, step: Callable[[], Awaitable[Pause | None]], failed: Callable[[Exception], int]) -> None:
        """Go round until the rest is over.

        Args:
            step: Does the next piece of work; what to wait for before the next one, None for nothing.
            failed: Lets go of what cannot be relied on behind a failure, and tells at which position that was.
        """
        while not self._rest.over:
            try:
                pause = await step()
            except Exception as error:  # noqa: BLE001  # kept, told and tried again: one bad event must not end the loop
                self._failures.begin(error, failed(error))
                await self._rest.take(lambda: asyncio.sleep(self._failures.back_off))
            else:
                self._failures.end()
                if pause is not None:
                    await self._rest.take(pause)

    def look_anew(self) -> None:
        """The store is back: there is nothing to wait for any more."""
        self._failures.ease()
        if self._failures.count:
            self._rest.wake()
