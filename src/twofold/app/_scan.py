"""The messages in sight of an application's handlers: those that their Python modules define or import."""

import inspect
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, get_args, get_type_hints

from twofold.dispatch import Module, Registration
from twofold.messages import Command, Event, Query

_BASES = (Command, Query, Event)


def messages_near(modules: Sequence[Module]) -> list[type]:
    """Events that the Python modules of handlers, projections and what they name have; commands they define.

    This is how an event that nobody handles yet is known all the same, and how a command without a handler is found.
    """
    found: dict[type, None] = {}
    for name in dict.fromkeys(python_modules(modules)):
        for value in list(vars(sys.modules[name]).values()):
            if isinstance(value, type) and _is_own(value, name):
                found[value] = None
    return list(found)


def _is_own(message: type, module: str) -> bool:
    """Whether a class is a message of the application's own.

    An imported command may be another service's contract; an imported event may stand in our own log.
    """
    if not issubclass(message, _BASES) or message.__module__.startswith("twofold."):
        return False
    return issubclass(message, Event) or message.__module__ == module


def messages_of(registration: Registration) -> set[type]:
    """The messages that a handler names, though it may not be readable as a handler."""
    target = registration.target
    function = getattr(target, registration.method, target)
    bases = getattr(target if isinstance(target, type) else type(target), "__orig_bases__", ())
    hints = [registration.message_type, *_annotations(function), *(one for base in bases for one in get_args(base))]
    return {hint for hint in hints if isinstance(hint, type) and issubclass(hint, _BASES) and hint not in _BASES}


def _annotations(function: Any) -> Iterator[Any]:
    """What a function is annotated with, but for what is nowhere: each by itself, so that this takes no other along."""
    names = getattr(inspect.unwrap(function), "__globals__", {})
    for hint in getattr(function, "__annotations__", {}).values():
        with suppress(NameError):
            yield from get_type_hints(SimpleNamespace(__annotations__={"it": hint}), names).values()


def python_modules(modules: Sequence[Module]) -> Iterator[str]:
    """The Python modules that handlers, projections and what they name live in, by name."""
    for module in modules:
        for registration in module:
            target = registration.target
            yield from _homes(target)
            for hint in getattr(target, "__annotations__", {}).values():
                yield from _homes(hint)
        for projection in module.projections:
            yield from _homes(projection.cls)
        for writer in module.writers:
            yield from _homes(writer.cls)
        for declaration in module.deciders:
            for function in (declaration.decider.decide, declaration.decider.evolve):
                for thing in (function, *getattr(function, "__annotations__", {}).values()):
                    yield from _homes(thing)


def _homes(thing: Any) -> Iterator[str]:
    """The Python modules of a thing and of its type arguments: `Repository[Order]` leads to the home of Order."""
    for part in (thing, *get_args(thing)):
        home = getattr(part, "__module__", None)
        if home in sys.modules and not home.startswith(("twofold.", "builtins", "typing")):
            yield home
