"""The methods of an aggregate that has one for each event, found by the annotation of what they take."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any, Final, TypeAlias

from twofold.dispatch import classes_in, hints_of, refuse_impure
from twofold.errors import FaultError, refuse_together
from twofold.messages import Event

Methods: TypeAlias = Mapping[type, Callable[[Any, Any], None]]
"""The methods of a class, by the class of the event that each takes."""

_OWN: Final = ("evolve", "record")
"""What every aggregate has, whatever it says that they take."""


@lru_cache(maxsize=1024)
def methods_of(kind: type) -> Methods:
    """The public methods of a class that take one event and nothing else; they are read once.

    Raises:
        FaultError: Two take the same event, one is async, or an annotation cannot be resolved.
    """
    where = f"{kind.__module__}.{kind.__qualname__}"
    methods: dict[type, Callable[[Any, Any], None]] = {}

    def read(name: str, function: Callable[..., Any]) -> None:
        for event in () if name in _OWN or name.startswith("_") else _events(function, f"{where}.{name}"):
            if event in methods:
                text = f"takes {event.__qualname__} twice, in {methods[event].__name__} and in {name}"
                raise FaultError(where=where, code="same_event", text=text, hint="join the two methods")
            methods[event] = function

    refuse_together(*(partial(read, *one) for one in inspect.getmembers(kind, inspect.isfunction)))
    return methods


def _events(function: Callable[..., Any], where: str) -> Iterator[type]:
    """The events that a method is for; one that any event would do for is for none."""
    parameters = list(inspect.signature(function).parameters)
    if len(parameters) != len(("self", "event")):
        return
    events = classes_in(hints_of(function, where).get(parameters[1]))
    if events and all(issubclass(one, Event) and one is not Event for one in events):
        refuse_impure(function, where)
        yield from events
