"""Deadlines of messages that send messages, against a model that knows the moment of each; the time is virtual."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.reliability.virtual import LoopClock, VirtualLoop, settle
from twofold.dispatch import Dispatcher, Handler, Router, Settings
from twofold.errors import TimedOut
from twofold.messages import Command, Context
from twofold.middleware import deadline_stage, timeout_stage
from twofold.reliability import Deadlines, Timeout
from twofold.result import Result


@dataclass(frozen=True)
class Sent(Command[None]):
    """A message, and the number of the request that it is a part of."""

    request: int


@dataclass(frozen=True)
class Hasty(Sent):
    """Has a second."""


@dataclass(frozen=True)
class Steady(Sent):
    """Has some more."""


@dataclass(frozen=True)
class Patient(Sent):
    """Has five."""


@dataclass(frozen=True)
class Endless(Sent):
    """Has all the time, unless whoever sends it has not."""


SECONDS: dict[type[Sent], float | None] = {Hasty: 1.0, Steady: 2.5, Patient: 5.0, Endless: None}
KINDS = st.sampled_from(list(SECONDS))


@dataclass(eq=False)
class Request:
    """A first message, and those that are sent inside it; what really is, and beside it what should be."""

    task: "asyncio.Task[None] | None" = None
    inboxes: list["asyncio.Queue[Sent | None]"] = field(default_factory=list["asyncio.Queue[Sent | None]"])
    """Of the handlers that run, outermost first; each sends what it finds there, and ends with None."""
    deadlines: list[float] = field(default_factory=list[float])
    """What their contexts say."""
    told: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])
    """What senders were answered, and when."""
    due: list[float] = field(default_factory=list[float])
    """The model: the deadlines of the messages that should run, outermost first."""
    expected: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])
    """The model: what senders should have been answered."""


class DeadlineMachine(RuleBasedStateMachine):
    """Two requests side by side; their messages are sent, answered, overdue and cancelled in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.requests = (Request(), Request())
        clock = LoopClock()
        stages = [deadline_stage(_timeout, clock), timeout_stage(_timeout, Deadlines(clock).within)]
        self.dispatcher = Dispatcher(router=Router(Settings(before=stages), clock=clock))
        for kind in SECONDS:
            self.dispatcher.register_command(kind, self._handle)

    async def _handle(self, message: Any, context: Context) -> None:
        request = self.requests[message.request]
        inbox = asyncio.Queue[Sent | None]()
        request.inboxes.append(inbox)
        request.deadlines.append(inf if context.deadline is None else context.deadline - 1000)
        try:
            while (inner := await inbox.get()) is not None:
                await self._send(inner)
        finally:
            request.inboxes.pop(), request.deadlines.pop()

    async def _send(self, message: Sent) -> None:
        result: Result[None] = await self.dispatcher.dispatch(message)
        assert result.is_success or isinstance(result.error, TimedOut)
        self.requests[message.request].told.append(("done" if result.is_success else "late", self.loop.time()))

    def _let(self, step: Callable[[], object]) -> None:
        """Do something in the loop, and let everything happen that comes of it without time passing."""

        async def done() -> None:
            step()
            await settle()

        self.loop.run_until_complete(done())

    @rule(which=st.integers(0, 1), kind=KINDS)
    def send(self, which: int, kind: type[Sent]) -> None:
        request, seconds, message = self.requests[which], SECONDS[kind], kind(which)
        if request.due:
            self._let(lambda: request.inboxes[-1].put_nowait(message))
        else:
            request.task = self.loop.create_task(self._send(message))
            self._let(lambda: None)
        own = inf if seconds is None else self.loop.time() + seconds
        request.due.append(min([own, *request.due]))

    @precondition(lambda self: any(request.due for request in self.requests))
    @rule(data=st.data(), cancels=st.booleans())
    def end(self, data: st.DataObject, cancels: bool) -> None:
        """The innermost message is done, or whoever sent the first one goes away."""
        request = data.draw(st.sampled_from([one for one in self.requests if one.due]))
        task = request.task
        assert task is not None
        if cancels:
            self._let(task.cancel)
            assert task.cancelled()
            request.due.clear()
            return
        self._let(lambda: request.inboxes[-1].put_nowait(None))
        request.due.pop()
        request.expected.append(("done", self.loop.time()))

    @rule(seconds=st.sampled_from([0.5, 1.0, 1.5, 4.0]))
    def wait(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))
        self._let(lambda: None)
        for request in self.requests:
            while request.due and request.due[-1] <= self.loop.time():
                moment = request.due[-1]
                # Whoever sent it has the same deadline, unless it is the one that is told.
                request.due = [due for due in request.due if due > moment]
                request.expected.append(("late", moment))

    @invariant()
    def agree(self) -> None:
        for request in self.requests:
            assert request.deadlines == request.due
            assert request.told == request.expected
            assert request.task is None or request.task.done() is (not request.due)

    def teardown(self) -> None:
        for request in self.requests:
            if request.task is not None and not request.task.done():
                self._let(request.task.cancel)
        self.loop.close()


def _timeout(handler: Handler) -> Timeout | None:
    seconds = SECONDS[handler.message_type]
    return None if seconds is None else Timeout(seconds)


TestDeadlineMachine = DeadlineMachine.TestCase
