"""What a log record says, as one flat dictionary: the line itself, what the task was doing, and on whose behalf."""

import logging
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from structlog.typing import EventDict, WrappedLogger

from twofold.dispatch import bound_facts
from twofold.messages import current_context

_ORDINARY: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "twofold", "color_message"}


def gather(logger: WrappedLogger, name: str, line: EventDict) -> EventDict:
    """The facts of a record, in the order in which they are read.

    What a handler has pushed on its context stack, and the `extra` of a log call, never take the place of what twofold
    itself says. Nothing is taken from the message that is being handled.
    """
    record: logging.LogRecord = line["_record"]
    facts: dict[str, Any] = {
        "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "event": line["event"],
        "logger": record.name,
        **getattr(record, "twofold", {}),
    }
    if "correlation_id" not in facts:
        context = current_context()
        if context is not None:
            facts["correlation_id"] = context.correlation_id
    for key, value in (*bound_facts().items(), *_extra(vars(record)).items(), *_extra(line).items()):
        facts.setdefault(key, value)
    error = _raised(line.get("exc_info"))
    if error is not None:
        facts["exception"] = "".join(traceback.format_exception(error)).rstrip()
    return {key: value for key, value in facts.items() if value is not None}


def _raised(exc_info: Any) -> BaseException | None:
    """The exception of a record: the standard library gives a triple, structlog what it was told."""
    match exc_info:
        case BaseException():
            return exc_info
        case (_, BaseException() as error, _):
            return error
        case True:
            return sys.exc_info()[1]
        case _:
            return None


def _extra(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What a log call was given beside its text: `extra` of the standard library, keywords of structlog."""
    return {key: value for key, value in facts.items() if key not in _ORDINARY and not key.startswith("_")}
