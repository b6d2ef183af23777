"""A projection as twofold runs it: which events it wants, and what it makes of each. Read off its class once, at start."""

import inspect
import typing
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, final

from twofold.dispatch import Mode, ProjectionDeclaration
from twofold.errors import WiringError
from twofold.messages import Event
from twofold.projections._rows import Rows
from twofold.store import Fact, Recorded, RowChange

_Call: typing.TypeAlias = Callable[[Fact, Rows], None]


@final
class Projection:
    """One projection.

    Args:
        name: Its stable name.
        mode: When it sees an event.
        tables: The tables that it fills.
        handlers: What it makes of each class of event.
    """

    def __init__(self, name: str, mode: Mode, tables: Collection[Any], handlers: dict[type, _Call]) -> None:
        self.name = name
        self.mode = mode
        self.tables = tuple(tables)
        self._handlers = handlers

    @classmethod
    def of(cls, declaration: ProjectionDeclaration) -> "Projection":
        """Read a projection off its declared class: one public method for each event it wants.

        Raises:
            WiringError: A method cannot be understood, or there is none.
        """
        source = declaration.cls
        instance = source()
        handlers: dict[type, _Call] = {}
        for name, function in inspect.getmembers(source, inspect.isfunction):
            if not name.startswith("_"):
                event, call = _handler(f"{source.__qualname__}.{name}", function, getattr(instance, name))
                if event in handlers:
                    raise WiringError(f"{source.__qualname__} handles {event.__qualname__} twice")
                handlers[event] = call
        if not handlers:
            raise WiringError(f"{source.__qualname__} handles no event: give it a method with an event as parameter")
        return cls(declaration.name, declaration.mode, declaration.tables, handlers)

    @property
    def events(self) -> Collection[type]:
        """The classes of the events that it wants."""
        return self._handlers.keys()

    def rows(self, facts: Iterable[Fact]) -> Sequence[RowChange]:
        """What it makes of events, in order; those that it does not want are passed over."""
        rows = Rows()
        for fact in facts:
            handle = self._handlers.get(type(fact.event))
            if handle is not None:
                handle(fact, rows)
        return rows.changes


def _handler(where: str, function: Callable[..., Any], bound: Callable[..., Any]) -> tuple[type, _Call]:
    if inspect.iscoroutinefunction(function):
        raise WiringError(f"{where} is async: a projection queues row changes in a def, and twofold writes them")
    hints = typing.get_type_hints(function)
    first, *others = [name for name in inspect.signature(bound).parameters]
    event = hints.get(first)
    if not (isinstance(event, type) and issubclass(event, Event)):
        raise WiringError(f"the first parameter of {where} has no annotation that is an event")
    kinds = [hints.get(name) for name in others]
    for name, kind in zip(others, kinds, strict=True):
        if kind not in (Rows, Recorded):
            raise WiringError(f"parameter {name!r} of {where} is neither Rows nor Recorded, so nothing can fill it")

    def call(fact: Fact, rows: Rows) -> None:
        bound(fact.event, *(rows if kind is Rows else fact.recorded for kind in kinds))

    return event, call
