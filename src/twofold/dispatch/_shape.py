"""The one shape of a middleware: what has another is refused when it is put in, not at the first message."""

import functools
import inspect
from typing import Any, cast

from twofold.dispatch._signature import name_of
from twofold.errors import FaultError

_HINT = "async def middleware(message, context, call_next) -> Result"


def require_shape(middleware: object) -> None:
    """Refuse what could not be awaited with a message, its context and the rest of the pipeline.

    Args:
        middleware: What a user gives as one.

    Raises:
        FaultError: It is not callable, a class, not async, or takes other parameters.
    """
    if not callable(middleware):
        raise FaultError(
            where=f"middleware {middleware!r:.60}", code="middleware_shape", text="cannot be called", hint=_HINT
        )
    where = f"middleware {name_of(middleware)}"
    if isinstance(middleware, type):
        text, hint = "is a class, and would make an instance for every message", "give one instance of it"
        raise FaultError(where=where, code="middleware_shape", text=text, hint=hint)
    if not is_async(middleware):
        text = "is no async def, and a pipeline awaits what it answers"
        raise FaultError(where=where, code="middleware_shape", text=text, hint=_HINT)
    if not _takes_three(middleware):
        text = f"takes {inspect.signature(middleware)}, and is given a message, its context and call_next"
        raise FaultError(where=where, code="middleware_shape", text=text, hint=_HINT)


def is_async(given: Any) -> bool:
    """Whether what a callable answers is awaited: an `async def`, or what wraps or has one."""
    function: Any = inspect.unwrap(given)
    while isinstance(function, functools.partial):
        function = inspect.unwrap(cast("Any", function).func)
    return any(map(inspect.iscoroutinefunction, (function, function.__call__)))


def _takes_three(middleware: Any) -> bool:
    try:
        inspect.signature(middleware).bind("message", "context", "call_next")
    except TypeError:
        return False
    return True
