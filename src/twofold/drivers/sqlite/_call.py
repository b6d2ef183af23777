"""One function on its way to the thread that owns a connection, and its outcome on the way back.

Cancelling whoever waits withdraws a call that has not started; one that has started is never torn.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock
from typing import Any, Generic, Protocol, TypeVar, final

from twofold.drivers.sqlite._append import Appending
from twofold.drivers.sqlite._aside import Aside
from twofold.drivers.sqlite._guard import GuardedConnection
from twofold.errors import Decided
from twofold.store import Committed

T = TypeVar("T")


class Data(Protocol):
    """A unit of work that changes nothing but rows, which SQLite counts."""

    appending: Appending | None
    """What it appends, where it does nothing else."""

    def __call__(self, connection: GuardedConnection, /) -> Committed:
        """Write it, inside the transaction that is open."""
        ...


@final
class Call(Generic[T]):
    """A function to run once with a connection; made in the event loop that waits for it.

    Args:
        work: What to run.
        data: The same, where it is a unit of work that changes nothing but rows.
    """

    __slots__ = (
        "_claimed",
        "_decided",
        "_future",
        "_leaving",
        "appending",
        "aside",
        "data",
        "error",
        "loop",
        "value",
        "withdrawn",
        "work",
    )

    def __init__(self, work: Callable[[GuardedConnection], T], *, data: Data | None = None) -> None:
        self.work = work
        self.data = data
        self.appending = None if data is None else data.appending
        self.loop = asyncio.get_running_loop()
        self.aside: Aside | None = None
        """What counts it, for a call that writes."""
        self.value: Any = None
        self.error: BaseException | None = None
        self.withdrawn = False
        self._leaving = False
        self._future = self.loop.create_future()
        self._claimed = Lock()
        self._decided = False

    def claim(self) -> bool:
        """Whether one may run it, or withdraw it: true for the first who asks, and never again."""
        return self._claimed.acquire(blocking=False)

    def let_go(self) -> None:
        """Nothing was done, so it can be claimed again; whoever was cancelled meanwhile goes."""
        if self._leaving:
            self.withdrawn = True
            settle((self,))
        else:
            self._claimed.release()

    async def outcome(self) -> T:
        """Wait until the call is decided; for calls that write."""
        try:
            await self._future
        except asyncio.CancelledError as cancelled:
            self._leaving = True
            if self.claim():
                self.withdrawn = True
            else:
                await self._decision()
            if self.withdrawn:
                raise
            raise cancelled from Decided(self.value, self.error)
        return self._answer()

    async def answer(self) -> T:
        """Wait for the call, and go away at once when cancelled; for calls that only read."""
        try:
            await self._future
        except asyncio.CancelledError:
            self.claim()
            raise
        return self._answer()

    def decide(self) -> None:
        """Wake whoever waits; in the loop of the call. Harmless when it was decided before."""
        if self.aside is not None and not self._decided:
            self.aside.decided += 1
        self._decided = True
        if not self._future.done():
            self._future.set_result(None)

    async def _decision(self) -> None:
        while not self._decided:
            self._future = self.loop.create_future()
            with suppress(asyncio.CancelledError):  # the first one is raised again once the call is decided
                await self._future

    def _answer(self) -> T:
        if self.error is None:
            return self.value  # type: ignore[no-any-return]  # a `cast` is a call, too
        try:
            raise self.error
        finally:
            self.error = None  # an error that holds its own call would be a cycle


def settle(calls: Sequence[Call[Any]], behind: Callable[[], None] | None = None) -> None:
    """Hand the outcomes back, with one wake-up for each event loop.

    Args:
        calls: What is decided.
        behind: Called in each of those event loops once those who waited have gone on.
    """
    loops = {call.loop for call in calls}  # nearly always one
    for loop in loops:
        mine = calls if len(loops) == 1 else [call for call in calls if call.loop is loop]
        try:
            loop.call_soon_threadsafe(_decide, mine, loop, behind)
        except RuntimeError:
            continue  # the loop was closed: nobody waits any more


def _decide(calls: Sequence[Call[Any]], loop: asyncio.AbstractEventLoop, behind: Callable[[], None] | None) -> None:
    for call in calls:
        call.decide()
    if behind is not None:
        loop.call_soon(behind)
