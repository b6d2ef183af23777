"""Faults in what is said of handlers: an option that has no meaning for their kind of message."""

from collections.abc import Iterable

from twofold.dispatch import APPLIES_TO, Handler
from twofold.errors import Fault


def option_faults(handlers: Iterable[Handler]) -> list[Fault]:
    """Options that would do nothing.

    Args:
        handlers: The handlers.
    """
    return [
        Fault(
            where=handler.id,
            code="useless_option",
            text=f"says {name}=, and handles {'an' if handler.kind.value == 'event' else 'a'} {handler.kind}",
            hint=f"that is for {' and '.join(f'handlers of a {kind}' for kind in APPLIES_TO[name])}: leave it out",
        )
        for handler in handlers
        for name in handler.options
        if handler.kind not in APPLIES_TO[name]
    ]
