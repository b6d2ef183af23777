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
    target: object, method: str, needs: Iterable[Any], wanted: Callable[[type], bool], *, applied: bool = False
) -> frozenset[type]:
    """The messages that the code of a handler names.

    Args:
        target: The function, or the class or object with the method.
        method: The name of the method.
        needs: What the handler is given: types whose methods it may call.
        wanted: Whether a class is one of those that are looked for.
        applied: Whether events that aggregates only apply are meant as well.
    """
    owners = [one for hint in needs for one in (hint, *get_args(hint))]
    if isinstance(target, FunctionType):
        return mentioned_by(target, wanted, owners, applied=applied)
    owners.append(target if isinstance(target, type) else type(target))
    function: Any = getattr(target, method, target)
    return mentioned_by(function, wanted, owners, applied=applied)


def mentioned_by(
    function: Callable[..., Any],
    wanted: Callable[[type], bool],
    owners: Iterable[Any] = (),
    *,
    applied: bool = False,
) -> frozenset[type]:
    """The messages that code names.

    Args:
        function: Where it begins.
        wanted: Whether a class is one of those that are looked for.
        owners: Classes whose methods it may call.
        applied: Whether events that aggregates only apply are meant as well.
    """
    reading = _Reading(function, wanted)
    reading.meet(*owners)
    reading.read(function)
    reading.follow(applied=applied)
    return frozenset(reading.found)


class _Reading:
    """What was read, and what was met on the way."""

    def __init__(self, function: Callable[..., Any], wanted: Callable[[type], bool]) -> None:
        self.found: set[type] = set()
        self._wanted = wanted
        self._package = _package(function)
        self._read: set[FunctionType] = set()
        self._owners: dict[type, None] = {}
        self._names: set[str] = set()

    def read(self, function: object) -> None:
        """Read a function, and the functions that it calls by name."""
        function = _function(function)
        if not isinstance(function, FunctionType) or function in self._read or _package(function) != self._package:
            return
        self._read.add(function)
        names = frozenset(_names(function.__code__))
        self._names |= names
        self.meet(*_values(sorted(names), function.__globals__))

    def meet(self, *values: object) -> None:
        """Take notice of what code names."""
        for value in values:
            if not isinstance(value, type):
                self.read(value)
            elif self._wanted(value):
                self.found.add(value)
            elif _package(value) == self._package:
                self._owners[value] = None

    def follow(self, *, applied: bool) -> None:
        """Read the methods that may have been called, until there is none that was not read."""
        count = -1
        while count != len(self._read):
            count = len(self._read)
            names = self._names | {_APPLYING} if applied else self._names - {_APPLYING}
            for owner in list(self._owners):
                for name in sorted(names):
                    self.read(inspect.getattr_static(owner, name, None))


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


def _function(value: Any) -> object:
    """The function behind a method and behind decorators that say what they wrap; anything else as it is."""
    if isinstance(value, MethodType | classmethod | staticmethod):
        value = cast("Any", value).__func__
    # Looked up without asking a proxy, which may have nothing to stand for yet.
    return value if inspect.getattr_static(value, "__wrapped__", None) is None else inspect.unwrap(value)


def _package(thing: Any) -> str:
    return str(getattr(thing, "__module__", "")).partition(".")[0]
