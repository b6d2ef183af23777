"""Faults in aggregates that handlers load: what cannot be rebuilt from its events would fail at the first load."""

import inspect
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any, get_args, get_origin

from twofold.aggregates import Aggregate, Entity, Repository, methods_of, state_codec
from twofold.app._encodable import write_only
from twofold.app._shared_defaults import default_faults
from twofold.dispatch import Handler, Injection
from twofold.errors import Fault, FaultError, WiringError


def aggregate_faults(handlers: Iterable[Handler], injection: Injection, sql: ModuleType | None) -> list[Fault]:
    """What is wrong with the aggregates and entities that handlers load, directly or through others; each is told once.

    Args:
        handlers: The handlers.
        injection: Knows what depends on what.
        sql: The room of SQL, when the store of units of work knows SQL.
    """
    return [
        fault
        for kind in _loaded(handlers, injection)
        for fault in (_faults(kind) if issubclass(kind, Aggregate) else _entity_faults(kind, sql))
    ]


def aggregates_of(handlers: Iterable[Handler], injection: Injection) -> list[type[Aggregate]]:
    """The aggregates that handlers depend on, directly or through others.

    Args:
        handlers: The handlers.
        injection: Knows what depends on what.
    """
    return [kind for kind in _loaded(handlers, injection) if issubclass(kind, Aggregate)]


def entities_of(handlers: Iterable[Handler], injection: Injection) -> list[type[Entity]]:
    """The entities in rows that handlers depend on, directly or through others.

    Args:
        handlers: The handlers.
        injection: Knows what depends on what.
    """
    loaded = _loaded(handlers, injection)
    return [kind for kind in loaded if issubclass(kind, Entity) and not issubclass(kind, Aggregate)]


def _loaded(handlers: Iterable[Handler], injection: Injection) -> list[type[Any]]:
    asked = (hint for handler in handlers for hint in injection.reached(handler))
    loaded = dict.fromkeys(get_args(hint)[0] for hint in asked if get_origin(hint) is Repository)
    return [kind for kind in loaded if isinstance(kind, type)]


def shared_stream_faults(kinds: Iterable[type[Any]]) -> list[Fault]:
    """Classes of aggregates that would be kept in the streams of others: each would be told what the other recorded.

    Args:
        kinds: The classes.
    """
    first, faults = dict[str, type[Any]](), list[Fault]()
    for kind in kinds:
        streams = kind.stream_of("")
        there = first.setdefault(streams, kind)
        if there is not kind:
            text = f"has the streams {streams!r} followed by an id, as {there.__module__}.{there.__qualname__} has"
            where, hint = f"{kind.__module__}.{kind.__qualname__}", "give one of them another stream_name"
            faults.append(Fault(where=where, code="shared_stream", text=text, hint=hint))
    return faults


def _entity_faults(kind: type[Any], sql: ModuleType | None) -> Iterable[Fault]:
    """What keeps a class that is no aggregate from being loaded and saved."""
    where = f"{kind.__module__}.{kind.__qualname__}"
    if not issubclass(kind, Entity):
        text, hint = "cannot record events, and a repository saves what does", "derive it from Aggregate or Entity"
        yield Fault(where=where, code="no_entity", text=text, hint=hint)
    elif sql is None:
        text, hint = "is an entity, which is kept in a row, and the store knows no SQL", "use a database that does"
        yield Fault(where=where, code="no_sql", text=text, hint=hint)
    elif (trouble := sql.entity_trouble(kind)) is not None:
        text, hint = trouble
        yield Fault(where=where, code="unusable_entity", text=text, hint=hint)


def _faults(kind: type[Any]) -> Iterable[Fault]:
    where = f"{kind.__module__}.{kind.__qualname__}"
    yield from default_faults(kind)
    if kind.snapshots is not None:
        yield from _snapshot_faults(kind, where)
    methods, unread = _methods(kind)
    if kind.evolve is Aggregate.evolve:
        if unread:
            yield from unread
        elif not methods:
            text = "is an aggregate without evolve, and without a method for an event"
            yield Fault(where=where, code="no_evolve", text=text, hint="def evolve(self, event: Event) -> None")
    elif methods:
        text, hint = f"has evolve, and {methods} for an event, which nothing would call", "keep one of the two ways"
        yield Fault(where=where, code="evolves_twice", text=text, hint=hint)
    elif inspect.iscoroutinefunction(kind.evolve):
        text, hint = "has an evolve that is async def, which nobody awaits", "make it a def: it only changes the state"
        yield Fault(where=where, code="async_mistake", text=text, hint=hint)
    elif not _takes(kind.evolve, "self", "event"):
        text, hint = "has an evolve that does not take one event", "def evolve(self, event: Event) -> None"
        yield Fault(where=where, code="no_evolve", text=text, hint=hint)
    if inspect.isabstract(kind) or not _takes(kind):
        text = "cannot be made without arguments, and is so before its events are told to it"
        hint = "give it no abstract method and every parameter of __init__ a default; its first event sets the rest"
        yield Fault(where=where, code="unmakeable", text=text, hint=hint)


def _methods(kind: Any) -> tuple[str, Sequence[Fault]]:
    """The names of the methods for events, and what keeps them from being read."""
    try:
        return ", ".join(sorted({method.__name__ for method in methods_of(kind).values()})), ()
    except FaultError as error:
        return "", error.faults


def _snapshot_faults(kind: type[Aggregate], where: str) -> Iterable[Fault]:
    try:
        codec = state_codec(kind)
    except WiringError as error:
        hint = "annotate every attribute of the state with a type that has a form in JSON"
        yield Fault(where=where, code="unencodable", text=f"has snapshots: {error.detail}", hint=hint)
        return
    if hidden := ", ".join(write_only(codec.json_schema)):
        text, hint = f"would keep a secret as asterisks in its snapshots: {hidden}", "leave secrets out of the state"
        yield Fault(where=where, code="secret_in_snapshot", text=text, hint=hint)


def _takes(function: Any, *arguments: str) -> bool:
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        return False
    return True
