"""What a log record says, as one flat dictionary: the line itself, what the task was doing, and on whose behalf."""

import json
import logging
import sys
import traceback
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, cast

from pydantic import BaseModel
from structlog.typing import EventDict, WrappedLogger

from twofold.dispatch import bound_facts
from twofold.messages import HIDDEN, MessageType, current_context, is_telling, redacting

_KNOWN: Final = ("message", "asctime", "twofold", "color_message", "event", "_record", "_from_structlog")
_ORDINARY: Final = frozenset({*vars(logging.makeLogRecord({})), *_KNOWN})


def gather(logger: WrappedLogger, name: str, line: EventDict) -> EventDict:
    """The facts of a record, in the order in which they are read.

    What a handler has pushed on its context stack, and the `extra` of a log call, never take the place of what twofold
    itself says, and secrets are hidden in them, at any depth. Nothing is taken from the message that is being handled.
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
        facts.setdefault(key, _shown(key, value))
    error = _raised(line.get("exc_info"))
    if error is not None:
        facts["exception"] = "".join(traceback.format_exception(error)).rstrip()
    return {key: value for key, value in facts.items() if value is not None}


def _shown(name: object, value: object) -> object:
    """A fact without secrets: what has a telling name is hidden, and what is inside of it looked at likewise."""
    if value is not None and is_telling(str(name)):
        return HIDDEN
    if MessageType.kind_of(type(value)) is not None:
        return json.loads(_redacting(cast("Hashable", type(value)))(value))
    match value:
        case Mapping():
            members = dict(cast("Mapping[object, object]", value))
        case BaseModel():
            members = dict[object, object](value)
        case list() | tuple() | set() | frozenset():
            return [_shown("", one) for one in cast("Iterable[object]", value)]
        case _ if is_dataclass(value) and not isinstance(value, type):
            members = {one.name: getattr(value, one.name) for one in fields(value)}
        case _:
            return value
    return {key: _shown(key, one) for key, one in members.items()}


@lru_cache(maxsize=256)
def _redacting(message: Any) -> Callable[[Any], str]:
    return redacting(MessageType(message))


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
    others = facts.keys() - _ORDINARY  # nearly always none, which is quicker to see of all of them at once
    return {key: facts[key] for key in facts if key in others and not key.startswith("_")} if others else {}
