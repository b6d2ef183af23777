"""What may be said of how messages are handled: each option switches a stage of a pipeline on."""

import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict

from twofold.dispatch._idempotency import Idempotency
from twofold.errors import WiringError
from twofold.messages import Kind

if TYPE_CHECKING:
    from datetime import timedelta

    from twofold.cache import Cache
    from twofold.dispatch._guard import Authorize
    from twofold.dispatch._lifecycle import Lifecycle
    from twofold.reliability import Bulkhead, CircuitBreaker, RateLimit, Retry, Timeout


class Policies(TypedDict, total=False):
    """What an application, a module or a handler says of reliability; the nearest says it, and None says: nothing."""

    rate_limit: "str | RateLimit | None"
    """How many may be sent, as in `100/minute`, and for whom that is counted."""
    bulkhead: "int | Bulkhead | None"
    """How many are handled at once, and how many may wait for that."""
    circuit_breaker: "int | CircuitBreaker | None"
    """After how many failures in a row nothing is called for a while."""
    timeout: "float | Timeout | None"
    """How long a message may take, in seconds."""
    retry: "int | Retry | None"
    """How often it is tried in all, after failures that another attempt may mend."""


class Options(Policies, total=False):
    """The options of `Module.handler` and `Module.register`."""

    authorize: "Authorize"
    """Who may send the message: a policy, several that all have to agree, or `public`."""
    lifecycle: "Lifecycle"
    """Of a command: the events that tell that it was attempted, and what it came to."""
    cache: "float | str | timedelta | Cache"
    """Of a query: for how long its answer is kept and given again, as in `1m`, or a `twofold.cache.Cache`."""
    fallback: Callable[..., Any]
    """Of a query: answers instead, with the query or without, when what its handler needs is unavailable."""
    idempotency: Literal["required"] | Sequence[str] | Callable[[Any], object] | Idempotency | None
    """Of a command: that it needs a key, the fields or a function that make one, or all settings; None: none."""
    deprecated: bool
    """That it will go: documents mark it, and whoever still sends it is counted."""


_ASKED: Final = (Kind.COMMAND, Kind.QUERY)

APPLIES_TO: Final[Mapping[str, tuple[Kind, ...]]] = {
    **dict.fromkeys(Policies.__annotations__, _ASKED),
    "authorize": _ASKED,
    "lifecycle": (Kind.COMMAND,),
    "cache": (Kind.QUERY,),
    "fallback": (Kind.QUERY,),
    "idempotency": (Kind.COMMAND,),
    "deprecated": _ASKED,
}
"""The kinds of messages that each option has a meaning for."""


def options_of(given: Mapping[str, Any], by: Callable[..., Any], *, of: type = Options) -> Mapping[str, Any]:
    """Options, once their names are known to be right.

    Args:
        given: What was said, by name.
        by: What it was said to; its own parameters may be meant as well.
        of: The options that there are.

    Raises:
        WiringError: There is no option of a name.
    """
    known = [name for name in APPLIES_TO if name in of.__annotations__]
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, [*_parameters(by), *known], n=1)
            meant = f": did you mean {near[0]}?" if near else f": there are {', '.join(known)}"
            raise WiringError(f"there is no option {name!r}{meant}")
    return dict(given)


def _parameters(function: Callable[..., Any]) -> list[str]:
    said = inspect.signature(function).parameters.values()
    return [one.name for one in said if one.kind is inspect.Parameter.KEYWORD_ONLY]
