"""Which messages the code of a handler names: what it may record or send, as far as code tells without being run.

The names in a function are looked up where it is defined, and in modules that it names (`events.OrderPlaced`), and
further in functions of the same package that it calls, and in methods of the classes that it names or is given. What
comes in by a protocol, or is made elsewhere, is not seen.
"""

import inspect
from collections.abc import Callable, Collection, Iterable
from types import FunctionType
from typing import Any, Final, get_args

from twofold.app._taken import names_in, taken_by
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
    reading.meet(function, *owners)
    reading.follow()
    return frozenset(reading.found)


class _Reading:
    """What was read, and what was met on the way."""

    def __init__(self, function: Callable[..., Any], messages: Collection[type]) -> None:
        self.found: set[type] = set()
        self._messages = messages
        self._package = _package(function)
        self._known: set[FunctionType] = set()
        self._unread: list[FunctionType] = []
        self._owners: dict[type, frozenset[str]] = {}
        self._names: set[str] = set()

    def meet(self, *values: object) -> None:
        """Take notice of what code names: of messages, classes whose methods it may call, and functions."""
        for value in values:
            if not isinstance(value, type):
                self._meet_function(value)
            elif value in self._messages:
                self.found.add(value)
            elif _package(value) == self._package and value not in self._owners:
                self._owners[value] = frozenset(name for cls in value.__mro__ for name in vars(cls))

    def follow(self) -> None:
        """Read functions, and methods that they may call, until there is none that was not read."""
        while self._unread:
            while self._unread:
                function = self._unread.pop()
                self._names.update(names_in(function.__code__))
                self.meet(*taken_by(function.__code__, function.__globals__))
            for owner, members in self._owners.items():
                for name in members & (self._names - {_APPLYING}):
                    self._meet_function(inspect.getattr_static(owner, name))

    def _meet_function(self, value: object) -> None:
        function = inspect.unwrap(value) if callable(value) else value
        function = getattr(function, "__func__", function)  # of a method, bound or of a class
        if isinstance(function, FunctionType) and function not in self._known and _package(function) == self._package:
            self._known.add(function)
            self._unread.append(function)


def _package(thing: Any) -> str:
    return str(getattr(thing, "__module__", "")).partition(".")[0]
