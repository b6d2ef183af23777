"""A projection as twofold runs it: which events it wants, and what it makes of each. Read off its class at start."""

import inspect
import typing
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, final

from twofold.dispatch import Mode, ProjectionDeclaration, Switch
from twofold.errors import FaultError
from twofold.messages import Event
from twofold.projections._rows import Rows, table_behind
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
        version: The version of what it makes of them.
        switch: When it takes the place of an older version.
    """

    def __init__(
        self,
        name: str,
        mode: Mode,
        tables: Collection[Any],
        handlers: dict[type, _Call],
        *,
        version: int = 1,
        switch: Switch = "auto",
    ) -> None:
        self.name = name
        self.mode = mode
        self.tables = tuple(tables)
        self.version = version
        self.switch = switch
        self._writable = frozenset({*tables, *map(table_behind, tables)})
        self._handlers = handlers

    @classmethod
    def of(cls, declaration: ProjectionDeclaration) -> "Projection":
        """Read a projection off its declared class: one public method for each event it wants.

        Raises:
            FaultError: A method cannot be understood, or there is none, or its mode, version or name is none.
        """
        source = declaration.cls
        where = f"projection {declaration.name}: {source.__module__}.{source.__qualname__}"
        _check(declaration, where)
        instance = source()
        handlers: dict[type, _Call] = {}
        for name, function in inspect.getmembers(source, inspect.isfunction):
            if not name.startswith("_"):
                event, call = _handler(f"{where}.{name}", function, getattr(instance, name), declaration)
                if event in handlers:
                    text = f"handles {event.__qualname__} twice"
                    raise FaultError(where=where, code="same_event", text=text, hint="join the two methods")
                handlers[event] = call
        if not handlers:
            hint = "give it a public method with an event as parameter"
            raise FaultError(where=where, code="no_event", text="handles no event", hint=hint)
        return cls(
            declaration.name,
            declaration.mode,
            declaration.tables,
            handlers,
            version=declaration.version,
            switch=declaration.switch,
        )

    @property
    def events(self) -> Collection[type]:
        """The classes of the events that it wants."""
        return self._handlers.keys()

    def rows(self, facts: Iterable[Fact]) -> Sequence[RowChange]:
        """What it makes of events, in order; those that it does not want are passed over."""
        rows = Rows(self._writable, self.name)
        for fact in facts:
            handle = self._handlers.get(fact.event.__class__)
            if handle is not None:
                handle(fact, rows)
        return rows.changes


def _check(declaration: ProjectionDeclaration, where: str) -> None:
    for word, known, value in (("mode", Mode, declaration.mode), ("switch", Switch, declaration.switch)):
        if value not in typing.get_args(known):
            hint = f"one of {', '.join(typing.get_args(known))}"
            raise FaultError(where=where, code=f"unknown_{word}", text=f"has the {word} {value!r}", hint=hint)
    if type(declaration.version) is not int or declaration.version < 1:
        text = f"has the version {declaration.version!r}"
        raise FaultError(where=where, code="unknown_version", text=text, hint="versions count from 1")
    if "@" in declaration.name:
        hint = "rename it: a version that is built beside it has its name with an @"
        raise FaultError(where=where, code="projection_name", text="has an @ in its name", hint=hint)


def _handler(
    where: str, function: Callable[..., Any], bound: Callable[..., Any], declaration: ProjectionDeclaration
) -> tuple[type, _Call]:
    if inspect.iscoroutinefunction(function):
        hint = "make it a def: it queues row changes, and twofold writes them"
        raise FaultError(where=where, code="async_mistake", text="is async def", hint=hint)
    hints = typing.get_type_hints(function)
    parameters = list(inspect.signature(bound).parameters)
    if not parameters:
        hint = "give it one, or start its name with an underscore"
        raise FaultError(where=where, code="no_event", text="takes no event", hint=hint)
    first, *others = parameters
    event = hints.get(first)
    if not (isinstance(event, type) and issubclass(event, Event)):
        text = "has a first parameter without an annotation that is an event"
        raise FaultError(where=where, code="no_event", text=text, hint="annotate it with the event")
    kinds = [hints.get(name) for name in others]
    for name, kind in zip(others, kinds, strict=True):
        if kind not in (Rows, Recorded):
            text = f"has a parameter {name!r} that is neither Rows nor Recorded, so nothing can fill it"
            raise FaultError(where=where, code="untyped_parameter", text=text, hint="annotate it with one of the two")
    if Rows in kinds and not declaration.tables:
        text, hint = "takes Rows, and no table is declared", f"@module.projection({declaration.name!r}, tables=[...])"
        raise FaultError(where=where, code="no_table", text=text, hint=hint)

    def call(fact: Fact, rows: Rows) -> None:
        bound(fact.event, *(rows if kind is Rows else fact.recorded for kind in kinds))

    return event, call
