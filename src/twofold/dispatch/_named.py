"""The classes that the annotation of a parameter names: one, or all of a union."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any, get_args, get_origin

from twofold.dispatch._signature import UNIONS, hints_of
from twofold.errors import FaultError


def named_classes(function: Callable[..., Any], place: int, where: str) -> tuple[type, ...]:
    """The classes that a parameter of a function takes, by its annotation.

    Args:
        function: The function.
        place: Which of its parameters, from 0.
        where: What to call it in a fault.

    Raises:
        FaultError: There is no such parameter, or its annotation names no classes.
    """
    hints = hints_of(function, where)
    parameters = list(inspect.signature(function).parameters)
    name = parameters[place] if place < len(parameters) else ""
    classes = classes_in(hints.get(name))
    if not classes:
        text = (
            f"has a parameter {name!r} whose annotation names no classes" if name else f"has no parameter {place + 1}"
        )
        raise FaultError(where=where, code="no_message", text=text, hint="annotate it with a class, or a union of some")
    return classes


def classes_in(hint: Any) -> tuple[type, ...]:
    """The classes that an annotation names: one, or all of a union; none when it names something else, too."""
    classes = tuple(dict.fromkeys(_classes(hint)))
    return classes if all(isinstance(one, type) for one in classes) else ()


def _classes(hint: Any) -> Iterator[Any]:
    alias = getattr(hint, "__value__", hint)  # of `type Commands = Open | Close`
    if get_origin(alias) in UNIONS:
        for one in get_args(alias):
            yield from _classes(one)
    elif alias is not None:
        yield alias
