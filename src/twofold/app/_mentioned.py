"""Which messages the code of a handler names: what it may record or send, as far as code tells without being run.

The names in a function are looked up where it is defined, and further in functions of the same package that it calls,
and in methods of the classes that it names or is given. What comes in by a protocol, or is made elsewhere, is not seen.
"""

import inspect
from collections.abc import Callable, Collection, Iterable, Iterator
from types import CodeType, FunctionType
from typing import Any, Final, get_args

from twofold.dispatch import Handler

_APPLYING: Final = "evolve"
"""The method that takes events, and makes none."""


def mentioned_by_handler(handler: Handler, messages: Collection[type]) -> frozenset[type]:
    """The messages that the code of a handler names.

    Args:
        handler: The handler.
        messages: The messages of the application.
    """
    target = handler.target
    function = target if isinstance(target, FunctionType) else getattr(target, handler.method)
    owners = [one for hint in handler.needs.values() for one in (hint, *get_args(hint))]
    if not isinstance(target, FunctionType):
        owners.append(target if isinstance(target, type) else type(target))
    return mentioned_by(function, messages, owners)


def mentioned_by(
    function: Callable[..., Any], messages: Collection[type], owners: Iterable[Any] = ()
) -> frozenset[type]:
    """The messages that code names.

    Args:
        function: Where it begins.
        messages: What is looked for.
        owners: Classes whose methods it may call.
    """
    reading = _Reading(function, messages)
    reading.meet(*owners)
    reading.read(function)
    reading.follow()
    return frozenset(reading.found)


class _Reading:
    """What was read, and what was met on the way."""

    def __init__(self, function: Callable[..., Any], messages: Collection[type]) -> None:
        self.found: set[type] = set()
        self._messages = messages
        self._package = _package(function)
        self._read: set[FunctionType] = set()
        self._owners: dict[type, None] = {}
        self._names: set[str] = set()

    def read(self, function: object) -> None:
        """Read a function, and the functions that it calls by name."""
        function = inspect.unwrap(function) if callable(function) else function
        function = getattr(function, "__func__", function)  # of a method, bound or of a class
        if not isinstance(function, FunctionType) or function in self._read or _package(function) != self._package:
            return
        self._read.add(function)
        names = frozenset(_names(function.__code__))
        self._names |= names
        self.meet(*(function.__globals__[name] for name in sorted(names) if name in function.__globals__))

    def meet(self, *values: object) -> None:
        """Take notice of what code names."""
        for value in values:
            if not isinstance(value, type):
                self.read(value)
            elif value in self._messages:
                self.found.add(value)
            elif _package(value) == self._package:
                self._owners[value] = None

    def follow(self) -> None:
        """Read the methods that may have been called, until there is none that was not read."""
        count = -1
        while count != len(self._read):
            count = len(self._read)
            for owner in list(self._owners):
                for name in sorted(self._names - {_APPLYING}):
                    self.read(inspect.getattr_static(owner, name, None))


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def _package(thing: Any) -> str:
    return str(getattr(thing, "__module__", "")).partition(".")[0]
