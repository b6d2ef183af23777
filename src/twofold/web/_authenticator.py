"""Whoever tells who a request comes from: what has another shape is refused when it is said, not at each request."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from twofold.dispatch import is_async
from twofold.errors import WiringError
from twofold.messages import Principal

Authenticator: TypeAlias = Callable[[Any], Awaitable[Principal | None]]
"""Tells who a request comes from; None for nobody. Raises a twofold error to refuse it."""


def require_authenticator(given: object) -> None:
    """Refuse what could not be awaited with a request.

    Args:
        given: What is said as `authenticate`; None for nobody.

    Raises:
        WiringError: It is not callable, a class, or not async.
    """
    if given is None:
        return
    if not callable(given):
        wrong = f"is of the type {type(given).__qualname__} and cannot be called"
    elif isinstance(given, type):
        wrong = f"is the class {given.__qualname__}, and would be made anew for every request"
    elif not is_async(given):
        wrong = "is no async def, and what it answers is awaited"
    else:
        return
    raise WiringError(f"authenticate= {wrong}: it is `async def authenticate(request) -> Principal | None`")


def require_principal(answer: object) -> None:
    """Refuse what tells nobody who a request comes from.

    Args:
        answer: What an authenticator has answered.

    Raises:
        WiringError: It is neither a principal nor None.
    """
    if answer is not None and not isinstance(answer, Principal):
        kind = type(answer).__qualname__
        raise WiringError(f"authenticate= has answered something of the type {kind}: a Principal, or None for nobody")
