"""Answering a query in another way when what its handler needs is unavailable."""

import inspect
import logging
from typing import Any, Final

from twofold.dispatch import Handler, Next, Stage, as_result, failure_of
from twofold.errors import Classifier, Family, error_name
from twofold.messages import Context, wire_name
from twofold.middleware._substitutes import note_substitute
from twofold.middleware._tally import Tally
from twofold.middleware._timeout import Within
from twofold.result import Result

_LOGGER = logging.getLogger("twofold.fallback")
_GRACE: Final = 1.0
"""For how many seconds, at least, a fallback is waited for: it is asked most of all when no time is left."""


def fallback_stage(classifier: Classifier, tally: Tally, within: Within) -> Stage:
    """The stage, for queries whose handler declares a `fallback`.

    A refusal is an answer and stays one; a bug stays a bug.

    Args:
        classifier: Tells what is unavailable.
        tally: Counts the answers that were given instead.
        within: Ends a fallback that takes longer than the query may, and longer than a second.
    """

    def wrap(handler: Handler, call_next: Next) -> Next | None:
        if "fallback" not in handler.options:
            return None
        answer_instead, takes_query = handler.options["fallback"], _takes_query(handler.options["fallback"])
        name = wire_name(handler.message_type).name

        async def fallback(message: Any, context: Context) -> Result[Any, Any]:
            result = await call_next(message, context)
            if result.is_success or classifier.of_value(result.error).family is not Family.UNAVAILABLE:
                return result
            tally("fallbacks", name)
            code = error_name(result.error)
            _LOGGER.warning("query %s is answered by its fallback: %s", name, code)
            try:
                with within(_end(context)):
                    answer: Any = answer_instead(message) if takes_query else answer_instead()
                    if inspect.isawaitable(answer):
                        answer = await answer
            except Exception as error:  # noqa: BLE001  # the classifier tells failures from bugs, and raises those
                return failure_of(error, classifier)
            note_substitute(name)
            return as_result(answer, name, "fallback of")

        return fallback

    return Stage("fallback", wrap)


def _end(context: Context) -> float | None:
    deadline = context.deadline
    return None if deadline is None else max(deadline, context.clock.monotonic() + _GRACE)


def _takes_query(function: Any) -> bool:
    """Whether it wants to be given the query; a class such as `list` makes its empty answer of nothing."""
    if isinstance(function, type):
        return False
    needed = [one for one in inspect.signature(function).parameters.values() if one.default is one.empty]
    return bool(needed)
