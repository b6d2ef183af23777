"""Handling a message again when it failed in a way that another attempt may mend, each time in a fresh scope."""

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from twofold.dispatch import Handler, Next, Stage
from twofold.errors import ConditionFailed, VersionConflict, error_name
from twofold.messages import Context, Kind, wire_name
from twofold.middleware._logging import log_cause
from twofold.middleware._tally import Tally
from twofold.result import Failure, Result, Success

if TYPE_CHECKING:
    from twofold.reliability import Retrier, Retries, Retry

_LOGGER: Final = logging.getLogger("twofold.retry")
_OVERTAKEN: Final = (VersionConflict, ConditionFailed)
_DECISIONS: Final = 10

Joined = Callable[[], bool]
"""Whether a message is handled inside the unit of work of another one, which is tried again as a whole."""


def retry_stage(
    settings: "Callable[[Handler], Retry | None]",
    retries: "Callable[[], Awaitable[Retries]]",
    joined: Joined,
    tally: Tally,
) -> Stage:
    """The stage, for handlers with a retry.

    Args:
        settings: The settings of a handler.
        retries: Gives what tries again, once the application runs.
        joined: Whether the message is a part of another one.
        tally: Counts further attempts.
    """

    def wrap(handler: Handler, call_next: Next) -> Next | None:
        if settings(handler) is None:
            return None
        retrier: Retrier | None = None
        name = wire_name(handler.message_type).name

        async def again(first: Failure[Any], message: Any, context: Context) -> Result[Any, Any]:
            nonlocal retrier
            if retrier is None:
                retrier = (await retries()).of(handler.message_type)

            last: Result[Any, Any] = first

            async def call() -> Result[Any, Any]:
                nonlocal last
                tally("retries", name)
                _LOGGER.info("%s %s is tried again: %s", handler.kind, name, error_name(last.error))
                log_cause(_LOGGER, last.error)
                last = await call_next(message, context)
                return last

            return await retrier.again(first, call, deadline=context.deadline)

        async def retried(message: Any, context: Context) -> Result[Any, Any]:
            result = await call_next(message, context)
            if isinstance(result, Success) or joined():
                return result
            return result if joined() else await again(result, message, context)

        return retried

    return Stage("retry", wrap)


def conflicts_stage(says: Callable[[Handler], bool], joined: Joined, tally: Tally) -> Stage:
    """The stage that lets a command decide again at once when others were faster, where nothing is said of retries.

    Every attempt sees the state that the others left, so a decision that does not fit any more is refused, and no
    conflict is told to who sent it. A version that the sender itself expects stays a conflict.

    Args:
        says: Whether something is said of a handler's retries.
        joined: Whether the command is a part of another one.
        tally: Counts further attempts.
    """

    def wrap(handler: Handler, call_next: Next) -> Next | None:
        name = wire_name(handler.message_type).name

        async def decide(message: Any, context: Context) -> Result[Any, Any]:
            result = await call_next(message, context)
            for _ in range(_DECISIONS - 1):
                if result.is_success or not isinstance(result.error, _OVERTAKEN) or joined():
                    break
                tally("retries", name)
                result = await call_next(message, context)
            return result

        return decide if handler.kind is Kind.COMMAND and not says(handler) else None

    return Stage("conflicts", wrap)
