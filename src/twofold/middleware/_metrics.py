"""Counting and timing every message, for whatever keeps the numbers."""

import asyncio
from time import perf_counter
from typing import Any, Protocol

from twofold.dispatch import Handler, Next, Stage
from twofold.errors import Classifier
from twofold.messages import Context, Kind, wire_name
from twofold.middleware._outcome import outcome_of
from twofold.result import Result


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
    """The stage.

    Args:
        meter: Keeps the numbers.
        classifier: Tells what an error means.
    """

    def wrap(handler: Handler, call_next: Next) -> Next:
        kind, name = handler.kind, wire_name(handler.message_type).name

        async def measure(message: Any, context: Context) -> Result[Any, Any]:
            started, outcome = perf_counter(), "crashed"
            try:
                result = await call_next(message, context)
                outcome = outcome_of(result, classifier)
                return result
            except asyncio.CancelledError:
                outcome = "cancelled"
                raise
            finally:
                meter.record(kind, name, outcome, perf_counter() - started)

        return measure

    return Stage("metrics", wrap)
