"""What code takes from the modules that it names, as far as that tells without being run: `events.OrderPlaced`.

Only modules are asked for what they hold: what stands for something else may not be ready to be asked.
"""

import dis
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, TypeGuard

from twofold.app._encodable import encoding_faults
from twofold.errors import WiringError
from twofold.messages import Catalogue, Event, Kind, MessageType

_LOADS_NAME: Final = ("LOAD_GLOBAL", "LOAD_NAME")
_LOADS_ATTRIBUTE: Final = ("LOAD_ATTR", "LOAD_METHOD")


def taken_by(code: CodeType, scope: dict[str, Any]) -> Iterator[Any]:
    """What the names of code stand for, and what it takes from modules among that.

    Args:
        code: The code, with the functions inside it.
        scope: The names of the module that it is in.
    """
    at: Any = None
    for step in dis.get_instructions(code):
        if step.opname in _LOADS_NAME and step.argval in scope:
            at = scope[step.argval]
            yield at
        elif step.opname in _LOADS_ATTRIBUTE and type(at) is ModuleType and step.argval in at.__dict__:
            at = at.__dict__[step.argval]
            yield at
        elif step.opname != "EXTENDED_ARG":
            at = None
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from taken_by(inner, scope)


def names_in(code: CodeType) -> Iterator[str]:
    """The names of code that are not its own, with those of the functions inside it."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from names_in(inner)


def add_taken(catalogue: Catalogue, modules: Iterable[str]) -> None:
    """Have an application know the events that functions and methods take from modules, as those that they import.

    Code may take one to do no more than look at it: a base class, or the contract of another service under the wire
    name of an event that is known. What could not be recorded is left out.

    Args:
        catalogue: The messages that it knows; all others are in it already.
        modules: The names of the Python modules with the functions.
    """
    for event in _events_taken(modules):
        with suppress(WiringError):
            if not encoding_faults([MessageType(event, Kind.EVENT)]):
                catalogue.add(event, Kind.EVENT)


def _events_taken(modules: Iterable[str]) -> Iterable[type]:
    found: dict[type, None] = {}
    for function in (one for name in dict.fromkeys(modules) for one in _functions(sys.modules[name])):
        scope = function.__globals__
        # Reading what code does takes a hundred times as long as its names.
        if any(type(scope.get(name)) is ModuleType for name in names_in(function.__code__)):
            found |= dict.fromkeys(filter(_is_event, taken_by(function.__code__, scope)))
    return found


def _functions(module: ModuleType) -> Iterator[FunctionType]:
    """The functions and methods that a module defines, with what decorators have wrapped."""
    for value in [*vars(module).values()]:
        if type(value) is FunctionType and value.__module__ == module.__name__:
            yield from _layers(value)
        elif _is_class(value) and value.__module__ == module.__name__:
            for member in vars(value).values():
                yield from _layers(member.__func__ if type(member) in (classmethod, staticmethod) else member)


def _layers(value: Any) -> Iterator[FunctionType]:
    while type(value) is FunctionType:
        yield value
        value = value.__dict__.get("__wrapped__")


def _is_event(value: object) -> bool:
    return _is_class(value) and issubclass(value, Event) and not value.__module__.startswith("twofold.")


def _is_class(value: object) -> TypeGuard[type[Any]]:
    return issubclass(type(value), type)
