"""Faults in aggregates that handlers load: what cannot be rebuilt from its events would fail at the first load."""

import inspect
from collections.abc import Iterable
from typing import Any, get_args, get_origin

from twofold.aggregates import Aggregate, Repository, state_codec
from twofold.app._encodable import write_only
from twofold.dispatch import Handler, Injection
from twofold.errors import Fault, WiringError


def aggregate_faults(handlers: Iterable[Handler], injection: Injection) -> list[Fault]:
    """What is wrong with the aggregates that handlers depend on, directly or through others; each is told once.

    Args:
        handlers: The handlers.
        injection: Knows what depends on what.
    """
    return [fault for kind in aggregates_of(handlers, injection) for fault in _faults(kind)]


def aggregates_of(handlers: Iterable[Handler], injection: Injection) -> list[type[Any]]:
    """The aggregates that handlers depend on, directly or through others.

    Args:
        handlers: The handlers.
        injection: Knows what depends on what.
    """
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


def _faults(kind: type[Any]) -> Iterable[Fault]:
    where = f"{kind.__module__}.{kind.__qualname__}"
    if kind.snapshots is not None:
        yield from _snapshot_faults(kind, where)
    if kind.evolve is Aggregate.evolve:
        text, hint = "is an aggregate without evolve", "def evolve(self, event: Event) -> None"
        yield Fault(where=where, code="no_evolve", text=text, hint=hint)
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
