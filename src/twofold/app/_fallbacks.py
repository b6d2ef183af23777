"""Faults in fallbacks, which would show themselves only when they are needed."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, cast, get_type_hints

from twofold.dispatch import APPLIES_TO, Handler, contradicts, promised_answer
from twofold.errors import Fault


def fallback_faults(handlers: Iterable[Handler]) -> list[Fault]:
    """Fallbacks that cannot be called with the query or with nothing, or answer something else than it promises.

    Args:
        handlers: The handlers.
    """
    return [
        fault
        for handler in handlers
        if "fallback" in handler.options and handler.kind in APPLIES_TO["fallback"]
        for fault in _faults(handler, handler.options["fallback"])
    ]


def _faults(handler: Handler, fallback: Any) -> Iterator[Fault]:
    if not callable(fallback):
        text, hint = f"says fallback={fallback!r:.40}, which cannot be called", "use a function of the query"
        yield Fault(where=handler.id, code="wrong_fallback", text=text, hint=hint)
        return
    if isinstance(fallback, type):  # it makes its empty answer of nothing, as `list` does
        return
    function = cast("Callable[..., Any]", fallback)
    needed = [one for one in inspect.signature(function).parameters.values() if one.default is one.empty]
    needed = [one for one in needed if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    if len(needed) > 1 or any(one.kind is one.KEYWORD_ONLY for one in needed):
        text = f"has a fallback that needs {', '.join(one.name for one in needed)}, and is given the query alone"
        hint = "give it what else it needs with functools.partial, or make it a method"
        yield Fault(where=handler.id, code="wrong_fallback", text=text, hint=hint)
        return
    answers = _annotated(function)
    if contradicts(replace(handler, answers=answers)):
        promise = promised_answer(handler.message_type)
        text = f"has a fallback that answers {answers.__name__}, and its query promises {promise.__name__}"
        yield Fault(where=handler.id, code="broken_promise", text=text, hint="make one of them the other")


def _annotated(function: Callable[..., Any]) -> Any:
    try:
        return get_type_hints(inspect.unwrap(function)).get("return", Any)
    except (NameError, TypeError):  # a name that is not there at the start, or a partial, which has no annotations
        return Any
