"""Which messages the code of a handler names: what it may record or send, as far as code tells without being run.

The names in a function are looked up where it is defined, also through modules (`events.OrderPlaced`), and further in
functions of the same package that it calls, and in methods of the classes that it names or is given. What comes in by a
protocol, or is made elsewhere, is not seen.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final, cast, get_args

_APPLYING: Final = "evolve"
"""The method that takes events, and makes none."""


def mentioned_by_handler(
    target: object, method: str, needs: Iterable[Any], wanted: Callable[[type], bool]
) -> frozenset[type]:
    """The messages that the code of a handler names.

    Args:
        target: The function, or the class or object with the method.
        method: The name of the method.
        needs: What the handler is given: types whose methods it may call.
        wanted: Whether a class is one of those that are looked for.
    """
    return mentioned_by(_function_of(target, method), wanted, _owners_of(target, needs))


def mentioned_by(
    function: Callable[..., Any], wanted: Callable[[type], bool], owners: Iterable[Any] = ()
) -> frozenset[type]:
    """The messages that code names.

    Args:
        function: Where it begins.
        wanted: Whether a class is one of those that are looked for.
        owners: Classes whose methods it may call.
    """
    reading = _Reading(_package(function), wanted)
    reading.meet(function, *owners)
    reading.follow()
    return frozenset(reading.found)


def mentioned_by_any(
    handlers: Iterable[tuple[object, str, Iterable[Any]]], wanted: Callable[[type], bool]
) -> frozenset[type]:
    """The messages that the code of any of these handlers names, or that an aggregate of theirs applies.

    All of it is read once, so that it takes no longer with many handlers that call the same.

    Args:
        handlers: The target, method and needs of each, as for `mentioned_by_handler`.
        wanted: Whether a class is one of those that are looked for.
    """
    readings: dict[str, _Reading] = {}
    for target, method, needs in handlers:
        function = _function_of(target, method)
        package = _package(function)
        reading = readings.setdefault(package, _Reading(package, wanted))
        reading.meet(function, *_owners_of(target, needs))
    for reading in readings.values():
        reading.follow(applied=True)
    return frozenset[type]().union(*(reading.found for reading in readings.values()))


class _Reading:
    """What was read of one package, and what was met on the way."""

    def __init__(self, package: str, wanted: Callable[[type], bool]) -> None:
        self.found: set[type] = set()
        self._wanted = wanted
        self._package = package
        self._known: set[FunctionType] = set()
        self._unread: list[FunctionType] = []
        self._owners: dict[type, frozenset[str]] = {}
        self._names: set[str] = set()

    def meet(self, *values: object) -> None:
        """Take notice of what code names: of messages, classes whose methods it may call, and functions."""
        for value in values:
            if not isinstance(value, type):
                self._meet_function(value)
            elif self._wanted(value):
                self.found.add(value)
            elif _package(value) == self._package and value not in self._owners:
                self._owners[value] = frozenset(name for cls in value.__mro__ for name in vars(cls))

    def follow(self, *, applied: bool = False) -> None:
        """Read functions, and methods that they may call, until there is none that was not read.

        Args:
            applied: Whether the methods are read that take events, and make none.
        """
        while self._unread:
            while self._unread:
                function = self._unread.pop()
                names = frozenset(_names(function.__code__))
                self._names |= names
                self.meet(*_values(sorted(names), function.__globals__))
            called = self._names | {_APPLYING} if applied else self._names - {_APPLYING}
            for owner, members in self._owners.items():
                for name in members & called:
                    self._meet_function(inspect.getattr_static(owner, name))

    def _meet_function(self, value: object) -> None:
        function = _unwrapped(value)
        if isinstance(function, FunctionType) and function not in self._known and _package(function) == self._package:
            self._known.add(function)
            self._unread.append(function)


def _function_of(target: object, method: str) -> Any:
    return target if isinstance(target, FunctionType) else getattr(target, method, target)


def _owners_of(target: object, needs: Iterable[Any]) -> list[Any]:
    owners = [one for hint in needs for one in (hint, *get_args(hint))]
    if not isinstance(target, FunctionType):
        owners.append(target if isinstance(target, type) else type(target))
    return owners


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def _values(names: Iterable[str], scope: dict[str, Any]) -> Iterator[Any]:
    """What names stand for, in a module and in the modules that they name there."""
    scopes, modules = [scope], set[ModuleType]()
    for one in scopes:
        found = [one[name] for name in names if name in one]
        yield from found
        new = {value for value in found if isinstance(value, ModuleType)} - modules
        modules |= new
        scopes += map(vars, new)


def _unwrapped(value: Any) -> object:
    """The function behind a method and behind decorators that say what they wrap; anything else as it is."""
    if isinstance(value, MethodType | classmethod | staticmethod):
        value = cast("Any", value).__func__
    # Looked up without asking a proxy, which may have nothing to stand for yet.
    return value if inspect.getattr_static(value, "__wrapped__", None) is None else inspect.unwrap(value)


def _package(thing: Any) -> str:
    return str(getattr(thing, "__module__", "")).partition(".")[0]
