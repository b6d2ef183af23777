"""Handling a message again when it failed in a way that another attempt may mend, each time in a fresh scope."""

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from twofold.dispatch import Handler, Next, Stage
from twofold.errors import ConditionFailed, VersionConflict, error_name
from twofold.messages import Context, Kind, wire_name
from twofold.middleware._inside import inside
from twofold.middleware._lines import Lines
from twofold.middleware._logging import log_cause
from twofold.middleware._tally import Tally
from twofold.result import Failure, Result, Success

if TYPE_CHECKING:
    from twofold.reliability import Retrier, Retries, Retry

_LOGGER: Final = logging.getLogger("twofold.retry")
_DECISIONS: Final = 30
"""So many, since whoever stands at the head of a line is overtaken by those who have just come, one after the other."""

Joined = Callable[[], bool]
"""Whether a message is handled inside the unit of work of another one, which is tried again as a whole."""


def retry_stage(
    settings: "Callable[[Handler], Retry | None]",
    retries: "Callable[[], Awaitable[Retries]]",
    joined: Joined,
    tally: Tally,
    lines: Lines,
) -> Stage:
    """The stage, for handlers with a retry.

    What is a part of something that is tried again as a whole is not tried again by itself, or attempts would multiply:
    a message inside the unit of work of another one, and a query that a query sends.

    Args:
        settings: The settings of a handler.
        retries: Gives what tries again, once the application runs.
        joined: Whether the message is a part of another one.
        tally: Counts further attempts.
        lines: Where those wait who were overtaken.
    """

    queries: dict[Context, bool] = {}

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
                async with lines.behind(_line(last, name)):
                    last = await call_next(message, context)
                return last

            return await retrier.again(first, call, deadline=context.deadline)

        async def retried(message: Any, context: Context) -> Result[Any, Any]:
            result = await call_next(message, context)
            if isinstance(result, Success) or joined() or inside(queries, True, context):
                return result
            return await again(result, message, context)

        async def retried_query(message: Any, context: Context) -> Result[Any, Any]:
            queries[context] = True
            try:
                return await retried(message, context)
            finally:
                del queries[context]

        return retried_query if handler.kind is Kind.QUERY else retried

    return Stage("retry", wrap)


def conflicts_stage(says: Callable[[Handler], bool], joined: Joined, tally: Tally, lines: Lines) -> Stage:
    """The stage that lets a command decide again when others were faster, where nothing is said of retries.

    Those who were overtaken on the same stream do so one after the other, else most would be overtaken again. Every
    attempt sees the state that the others left, so a decision that does not fit any more is refused, and no conflict
    is told to who sent it. A version that the sender itself expects stays a conflict.

    Args:
        says: Whether something is said of a handler's retries.
        joined: Whether the command is a part of another one.
        tally: Counts further attempts.
        lines: Where those wait who were overtaken.
    """

    def wrap(handler: Handler, call_next: Next) -> Next | None:
        name = wire_name(handler.message_type).name

        async def again(result: Result[Any, Any], message: Any, context: Context) -> Result[Any, Any]:
            left = _DECISIONS - 1
            while left and (line := _line(result, name)):
                async with lines.behind(line):
                    while left and _line(result, name) == line:
                        left -= 1
                        tally("retries", name)
                        result = await call_next(message, context)
            return result

        async def decide(message: Any, context: Context) -> Result[Any, Any]:
            result = await call_next(message, context)
            if result.is_success or joined():
                return result
            return await again(result, message, context)

        return decide if handler.kind is Kind.COMMAND and not says(handler) else None

    return Stage("conflicts", wrap)


def _line(result: Result[Any, Any], name: str) -> tuple[str, str] | None:
    """What a command was overtaken on: its stream, or whatever commands of its name decide on; None if it was not."""
    match result.error:
        case VersionConflict(stream=stream):
            return "stream", stream
        case ConditionFailed():
            return "condition of", name
        case _:
            return None
