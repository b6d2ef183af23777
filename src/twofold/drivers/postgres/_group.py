"""Short calls that are sent together: one round trip and one commit for all, and an answer for each."""

import asyncio
from contextlib import suppress
from typing import Any, Final, final

from twofold.drivers.postgres._append import Call
from twofold.errors import Decided
from twofold.store import Committed


@final
class Asked:
    """A call that waits for its answer.

    Args:
        call: The call.
    """

    __slots__ = ("answer", "call", "sent")

    def __init__(self, call: Call) -> None:
        self.call = call
        self.sent = False
        self.answer: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()

    def tell(self, outcome: Committed | BaseException) -> None:
        """Answer it, if anybody still waits."""
        if self.answer.done():
            return
        if isinstance(outcome, BaseException):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


@final
class Group:
    """Takes in calls until it is closed."""

    __slots__ = ("_asked", "_over", "sending")

    def __init__(self) -> None:
        self._asked = list[Asked]()
        self._over = False
        self.sending: asyncio.Task[None] | None = None
        """Who sends it, kept for as long as anybody waits."""

    @property
    def full(self) -> bool:
        """Whether one more would make the others wait."""
        return len(self._asked) >= _MOST

    async def commit(self, call: Call) -> Committed:
        """Join, and wait for the outcome.

        Who is cancelled before the group is closed leaves it; later the cancellation comes after the outcome.
        """
        asked = Asked(call)
        self._asked.append(asked)
        try:
            return await asked.answer
        except asyncio.CancelledError as cancelled:
            if asked.sent and not self._over and asked.answer.cancelled():
                asked.answer = asyncio.get_running_loop().create_future()
                await end_of(asked.answer)
            raise cancelled from decided(asked.answer)

    def close(self) -> list[Asked]:
        """Take in nobody any more; gives those who have not left."""
        self._asked = [one for one in self._asked if not one.answer.done()]
        for one in self._asked:
            one.sent = True
        return self._asked

    def tell(self, error: Exception) -> None:
        """Answer all who still wait."""
        for one in self._asked:
            one.tell(error)

    def end(self) -> None:
        """Leave nobody waiting, whatever has happened."""
        self._over = True
        for one in self._asked:
            one.answer.cancel()


def decided(future: asyncio.Future[Any]) -> Decided | None:
    """What a future that is done says to a caller who was cancelled; None when it was withdrawn."""
    if future.cancelled():
        return None
    error = future.exception()
    return Decided(future.result()) if error is None else Decided(error=error)


async def end_of(future: asyncio.Future[Any]) -> None:
    """Wait until a future is done, however often this task is cancelled; the cancellation is left to the caller."""
    while not future.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait({future})


_MOST: Final = 32
