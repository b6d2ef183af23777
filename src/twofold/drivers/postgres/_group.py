"""Short calls that are sent together: one round trip and one commit for all, and an answer for each."""

import asyncio
from contextlib import suppress
from typing import Final, cast, final

from twofold.drivers.postgres._append import Call
from twofold.errors import Decided
from twofold.store import Committed


@final
class Asked:
    """A call that waits for its outcome.

    Args:
        call: The call.
    """

    __slots__ = ("_outcome", "_told", "call", "sent")

    def __init__(self, call: Call) -> None:
        self.call = call
        self.sent = False
        self._outcome: Committed | BaseException | None = None
        self._told: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def left(self) -> bool:
        """Whether nobody waits for it any more."""
        return self._told.cancelled()

    def tell(self, outcome: Committed | BaseException) -> None:
        """Tell what it came to; the first who does is believed."""
        if self._outcome is None:
            self._outcome = outcome
        if not self._told.done():
            self._told.set_result(None)

    async def outcome(self) -> Committed:
        """Wait for it. Who is cancelled before it is sent withdraws it; later the cancellation comes behind it."""
        try:
            await self._told
        except asyncio.CancelledError as cancelled:
            if not self.sent:
                raise
            while self._outcome is None:
                self._told = asyncio.get_running_loop().create_future()
                with suppress(asyncio.CancelledError):  # the first one is raised again once the outcome is known
                    await self._told
            raise cancelled from self._decided()
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return cast("Committed", self._outcome)

    def _decided(self) -> Decided:
        outcome = self._outcome
        return Decided(error=outcome) if isinstance(outcome, BaseException) else Decided(outcome)


@final
class Group:
    """Takes in calls until it is closed."""

    __slots__ = ("_asked", "sending")

    def __init__(self) -> None:
        self._asked: list[Asked] = []
        self.sending: asyncio.Task[None] | None = None
        """Who sends it, kept for as long as anybody waits."""

    @property
    def full(self) -> bool:
        """Whether one more would make the others wait."""
        return len(self._asked) >= _MOST

    async def commit(self, call: Call) -> Committed:
        """Join, and wait for the outcome; see `Asked.outcome`."""
        asked = Asked(call)
        self._asked.append(asked)
        return await asked.outcome()

    def close(self) -> list[Asked]:
        """Take in nobody any more; gives those who have not left."""
        self._asked = [one for one in self._asked if not one.left]
        for one in self._asked:
            one.sent = True
        return self._asked

    def tell(self, error: BaseException) -> None:
        """Tell all who still wait."""
        for one in self._asked:
            one.tell(error)


_MOST: Final = 32
