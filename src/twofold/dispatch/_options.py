"""What may be said of a handler beside how it is reached: each option switches a stage of its pipeline on."""

import difflib
from collections.abc import Callable, Mapping
from typing import Any, Final, TypedDict

from twofold.errors import WiringError
from twofold.messages import Kind


class Options(TypedDict, total=False):
    """The options of `Module.handler` and `Module.register`."""

    fallback: Callable[..., Any]
    """Of a query: answers instead, with the query or without, when what its handler needs is unavailable."""


APPLIES_TO: Final[Mapping[str, tuple[Kind, ...]]] = {
    "fallback": (Kind.QUERY,),
}
"""The kinds of messages that each option has a meaning for."""


def options_of(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Options, once their names are known to be right.

    Args:
        given: What was said, by name.

    Raises:
        WiringError: There is no option of a name.
    """
    for name in given:
        if name not in APPLIES_TO:
            near = difflib.get_close_matches(name, APPLIES_TO, n=1)
            meant = f": did you mean {near[0]}?" if near else f": there are {', '.join(APPLIES_TO)}"
            raise WiringError(f"a handler has no option {name!r}{meant}")
    return dict(given)
