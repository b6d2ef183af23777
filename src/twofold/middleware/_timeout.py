"""Ending the work on a message at its deadline, and telling the truth about what it has done by then."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeAlias

from twofold.clock import Clock
from twofold.dispatch import Handler, Next, Stage
from twofold.errors import Decided, TimedOut
from twofold.messages import Context
from twofold.result import Failure, Result

if TYPE_CHECKING:
    from twofold.reliability import Timeout

Seconds = Callable[[Handler], "Timeout | None"]
"""How long a handler's message may take."""

Within: TypeAlias = Callable[[float | None], AbstractContextManager[None]]
"""A block that ends at a deadline, None for none, with `TimedOut`."""


def halfway(context: Context) -> float | None:
    """Until when a message waits for what it can do without: the other half of its time is for its work.

    Args:
        context: Its context.

    Returns:
        A moment of the monotonic clock; None where it has no deadline.
    """
    deadline = context.deadline
    if deadline is None:
        return None
    now = context.clock.monotonic()
    return now + (deadline - now) / 2


def deadline_stage(timeouts: Seconds, clock: Clock) -> Stage:
    """The stage that says when a message is over, before anything is done about it.

    The deadline of the message that it is sent in is the latest.

    Args:
        timeouts: How long a handler's message may take.
        clock: Tells the time.
    """

    def wrap(handler: Handler, call_next: Next) -> Next | None:
        timeout = timeouts(handler)
        if timeout is None:
            return None
        seconds = timeout.seconds

        def deadline(message: Any, context: Context) -> Awaitable[Result[Any, Any]]:
            context.end_by(clock.monotonic() + seconds)
            return call_next(message, context)

        return deadline

    return Stage("deadline", wrap)


def timeout_stage(timeouts: Seconds, within: Within) -> Stage:
    """The stage that cancels the work at the deadline. A commit that has begun by then is waited for.

    Args:
        timeouts: How long a handler's message may take.
        within: Ends the work.
    """

    def wrap(handler: Handler, call_next: Next) -> Next | None:
        if timeouts(handler) is None:
            return None

        async def timeout(message: Any, context: Context) -> Result[Any, Any]:
            try:
                with within(context.deadline):
                    return await call_next(message, context)
            except TimedOut as error:
                return _truth(error)

        return timeout

    return Stage("timeout", wrap)


def _truth(error: TimedOut) -> Result[Any, Any]:
    """What to say at the deadline: a commit that had begun by then was carried through, and may be done."""
    cancelled = error.__cause__
    decided = None if cancelled is None else cancelled.__cause__
    if isinstance(decided, Decided) and decided.answer is not None:
        answer: Result[Any, Any] = decided.answer
        return answer
    return Failure(error)
