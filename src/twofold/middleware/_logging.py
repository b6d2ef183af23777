"""A structured log line when a handler is registered, and at start and end of every message; never its payload.

The lines are ordinary records of the logger `twofold.message`; what they say is in the record's `twofold` attribute
too, for a formatter that renders structure.
"""

import asyncio
import logging
import time
from typing import Any

from twofold.dispatch import Handler, Next, Stage
from twofold.errors import Classifier, Family, error_name
from twofold.messages import Context, Kind, wire_name
from twofold.middleware._outcome import outcome_of
from twofold.result import Result

_LOGGER = logging.getLogger("twofold.message")


def logging_stage(classifier: Classifier) -> Stage:
    """The stage.

    Args:
        classifier: Tells what an error means, and so how loud the line is.
    """

    def wrap(handler: Handler, call_next: Next) -> Next:
        about = {"kind": handler.kind.value, "message": wire_name(handler.message_type).name, "handler": handler.id}
        _write(logging.DEBUG, "registered", about)
        # Whoever gave an event to a reaction tries again, and tells of it; nobody does for a command or a query.
        crash = logging.WARNING if handler.kind is Kind.EVENT else logging.ERROR

        async def logged(message: Any, context: Context) -> Result[Any, Any]:
            wordy = _LOGGER.isEnabledFor(logging.INFO)
            if wordy:
                _write(logging.INFO, "started", about, context)
            started = time.perf_counter()
            try:
                result = await call_next(message, context)
            except asyncio.CancelledError:
                facts = {"duration": time.perf_counter() - started, "outcome": "cancelled"}
                _write(logging.INFO, "cancelled", about, context, **facts)
                raise
            except BaseException as error:
                facts = {"duration": time.perf_counter() - started, "outcome": "crashed"}
                _write(crash, "crashed", about, context, error=type(error).__qualname__, **facts)
                raise
            if result.is_success and not wordy:
                return result
            facts = {"duration": time.perf_counter() - started, "outcome": outcome_of(result, classifier)}
            if result.is_success:
                _write(logging.INFO, "succeeded", about, context, **facts)
            else:
                code = error_name(result.error)
                loud = classifier.of_value(result.error).family in (Family.UNAVAILABLE, Family.CORRUPT)
                _write(logging.WARNING if loud else logging.INFO, "failed", about, context, **facts, error=code)
                if loud:
                    log_cause(_LOGGER, result.error)
            return result

        return logged

    return Stage("logging", wrap)


def log_cause(logger: logging.Logger, error: object) -> None:
    """Log where an error that was answered comes from, for whoever wants to know that much: its text may say anything.

    Args:
        logger: Where to; at DEBUG.
        error: What was answered.
    """
    if isinstance(error, BaseException) and logger.isEnabledFor(logging.DEBUG):
        logger.debug("because of this", exc_info=error)


def _write(level: int, what: str, about: dict[str, str], context: Context | None = None, **more: Any) -> None:
    # What nobody reads is not put together: a message id is made when it is first asked for.
    if _LOGGER.isEnabledFor(level):
        facts = {**about, **({} if context is None else _whose(context)), **more, "step": what}
        _LOGGER.log(level, "%s %s %s", about["kind"], about["message"], what, extra={"twofold": facts})


def _whose(context: Context) -> dict[str, Any]:
    return {
        "message_id": context.id_text,
        "correlation_id": context.correlation_id,
        "user_id": context.user_id,
    }
