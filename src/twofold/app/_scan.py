"""The messages in sight of an application's handlers: those that their Python modules define or import."""

import sys
from collections.abc import Iterator, Sequence
from typing import Any, get_args

from twofold.dispatch import Module, Registration
from twofold.messages import Command, Event, Query

_BASES = (Command, Query, Event)


def messages_near(modules: Sequence[Module]) -> list[type]:
    """Every message class in the Python modules of handlers, of projections, and of what their signatures name.

    This is how an event that nobody handles yet is known all the same, and how a command without a handler is found.
    """
    found: dict[type, None] = {}
    for name in dict.fromkeys(_python_modules(modules)):
        for value in list(vars(sys.modules[name]).values()):
            if isinstance(value, type) and issubclass(value, _BASES) and not value.__module__.startswith("twofold."):
                found[value] = None
    return list(found)


def messages_of(registration: Registration) -> set[type]:
    """The messages that a handler names, though it may not be readable as a handler."""
    target = registration.target
    function = getattr(target, registration.method, target)
    hints = [registration.message_type, *getattr(function, "__annotations__", {}).values()]
    return {hint for hint in hints if isinstance(hint, type) and issubclass(hint, _BASES)}


def _python_modules(modules: Sequence[Module]) -> Iterator[str]:
    for module in modules:
        for registration in module:
            target = registration.target
            yield from _homes(target)
            for hint in getattr(target, "__annotations__", {}).values():
                yield from _homes(hint)
        for declaration in module.projections:
            yield from _homes(declaration.cls)


def _homes(thing: Any) -> Iterator[str]:
    """The Python modules of a thing and of its type arguments: `Repository[Order]` leads to the home of Order."""
    for part in (thing, *get_args(thing)):
        home = getattr(part, "__module__", None)
        if home in sys.modules and not home.startswith(("twofold.", "builtins", "typing")):
            yield home
