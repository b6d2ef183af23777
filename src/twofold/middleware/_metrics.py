"""Counting and timing every message, and refusals by their code, for whatever keeps the numbers."""

import asyncio
from time import perf_counter
from typing import Any, Final, Protocol

from twofold.dispatch import Handler, Next, Stage
from twofold.errors import Classifier, class_code_of
from twofold.messages import Context, Kind, wire_name
from twofold.middleware._tally import refusal_of
from twofold.result import Result, Success

_SUCCESS: Final[type[Any]] = Success


class Meter(Protocol):
    """Keeps the numbers of an application."""

    def record(self, kind: Kind, message: str, outcome: str, seconds: float) -> None:
        """Note one message.

        Args:
            kind: Its kind.
            message: Its wire name.
            outcome: `success`, the category of its error, `crashed`, or `cancelled` when its caller went away.
            seconds: How long it took.
        """
        ...


def metrics_stage(meter: Meter, classifier: Classifier) -> Stage:
    """The stage. A success costs nothing for the counting of refusals; those of events are not counted.

    Args:
        meter: Keeps the numbers.
        classifier: Tells what an error means.
    """
    record, refused = meter.record, refusal_of(meter)

    def wrap(handler: Handler, call_next: Next) -> Next:
        kind, name = handler.kind, wire_name(handler.message_type).name

        async def measure(message: Any, context: Context) -> Result[Any, Any]:
            started, outcome = perf_counter(), "crashed"
            try:
                result = await call_next(message, context)
                if isinstance(result, _SUCCESS):
                    outcome = "success"
                else:
                    category = classifier.of_value(result.error)
                    outcome = category.value
                    if kind is not Kind.EVENT:
                        refused(name, class_code_of(result.error, category))
                return result
            except asyncio.CancelledError:
                outcome = "cancelled"
                raise
            finally:
                record(kind, name, outcome, perf_counter() - started)

        return measure

    return Stage("metrics", wrap)
