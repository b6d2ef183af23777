"""Reactions that are local: run behind the commit, in the process that made it, and known to nobody else.

Each has a line of its own and takes its events from there one by one, in the order of the commits, so one that is slow
or fails keeps no other waiting. Nothing is kept: what fails, finds a line full or is left when the process ends is
logged and counted, and gone.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from contextvars import Context as Surroundings
from typing import Final, final

from twofold.app._origins import reacting
from twofold.dispatch import Handler, Router
from twofold.errors import TimedOut
from twofold.messages import wire_name
from twofold.middleware import Tally
from twofold.store import Fact, Selection

_LOGGER: Final = logging.getLogger("twofold.reaction")
_ROOM: Final = 1000
_PATIENCE: Final = 5.0


@final
class LocalReactions:
    """The reactions of an application that are not durable.

    Args:
        handlers: The reactions.
        router: Where their pipelines are.
        tally: Counts what fails, and what is lost.
    """

    def __init__(self, handlers: Iterable[Handler], router: Router, tally: Tally) -> None:
        self._lines = [_Line(one, router, tally) for one in handlers]

    @property
    def busy(self) -> bool:
        """Whether any of them has something to do."""
        return any(line.task is not None for line in self._lines)

    def take(self, facts: Sequence[Fact]) -> None:
        """Have them run for the events of a commit, soon."""
        for line in self._lines:
            for fact in facts:
                line.take(fact)

    async def settle(self, timeout: float) -> None:
        """Wait until none of them has anything to do.

        Raises:
            TimedOut: One still has after `timeout` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                while tasks := [line.task for line in self._lines if line.task is not None]:
                    await asyncio.wait(tasks)
        except TimeoutError:
            names = ", ".join(line.name for line in self._lines if line.task is not None)
            raise TimedOut(f"not settled within {timeout} s: {names}") from None

    async def end(self) -> None:
        """Let them do what waits, for five seconds at most; what is left then is lost."""
        with suppress(TimedOut):
            await self.settle(_PATIENCE)
        for line in self._lines:
            await line.end()


@final
class _Line:
    """The events that wait for one reaction, and the task that takes them, while there is one.

    Args:
        handler: The reaction.
        router: Where its pipeline is.
        tally: Counts.
    """

    def __init__(self, handler: Handler, router: Router, tally: Tally) -> None:
        self.name = handler.id
        self.task: asyncio.Task[None] | None = None
        self._handler = handler
        self._router = router
        self._tally = tally
        self._event = wire_name(handler.message_type).name
        self._selection = Selection(tags=handler.following.tags, stream=handler.following.stream)
        self._waiting: deque[Fact] = deque()
        self._room = _ROOM
        self._full = False

    def take(self, fact: Fact) -> None:
        """Have an event wait, if it is one of its own and there is room."""
        if fact.event.__class__ is not self._handler.message_type or fact.recorded not in self._selection:
            return
        if len(self._waiting) >= self._room:
            self._lose(1, told=self._full)
            self._full = True
            return
        self._waiting.append(fact)
        if self.task is None:  # in surroundings of its own: it is no part of the message that committed the event
            loop = asyncio.get_running_loop()
            self.task = loop.create_task(self._work(), name=f"twofold {self.name}", context=Surroundings())

    async def end(self) -> None:
        """Take nothing more, and let go of what waits."""
        self._room = 0
        if self.task is not None:
            self._lose(len(self._waiting) + 1, told=False)
            self._waiting.clear()
            self.task.cancel()
            await asyncio.wait({self.task})

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._react(self._waiting.popleft())
            self._full = False
        finally:
            self.task = None

    async def _react(self, fact: Fact) -> None:
        try:
            context = reacting(self._router, self._handler, fact.recorded)
            result = await self._router.deliver(self._handler, fact.event, context)
            error: object = result.error if result.is_failure else None
        except Exception as raised:  # noqa: BLE001  # logged and counted: the next event must not suffer from it
            error = raised
        if error is not None:
            self._tally("local_reactions_failed", self._event)
            text, cause = "reaction %s failed, and is not tried again", error if isinstance(error, Exception) else None
            _LOGGER.warning(text, self.name, exc_info=cause, extra={"twofold": self._facts(fact)})

    def _lose(self, count: int, *, told: bool) -> None:
        for _ in range(count):
            self._tally("local_reactions_lost", self._event)
        if not told:
            text = "reaction %s has no time for all events, and does not come to them: %d at first"
            _LOGGER.warning(text, self.name, count, extra={"twofold": {"handler": self.name, "message": self._event}})

    def _facts(self, fact: Fact) -> dict[str, str]:
        return {
            "handler": self.name,
            "message": self._event,
            "message_id": str(fact.recorded.id),
            "stream": fact.recorded.stream,
        }
