"""The catalogue of an application as plain data: every message with its fields, its answer, its door and what follows.

For people who send its messages, and for whoever joins those who write it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from twofold.app._app import App
from twofold.app._form import Field, docstring_of, fields_of
from twofold.app.description import routes_of, type_name
from twofold.app.explanation import ExplainedSetting, explain
from twofold.app.graph import Graph, graph_of
from twofold.dispatch import Handler, answered_type
from twofold.messages import Kind, MessageType
from twofold.result import Result

__all__ = ["Catalogued", "Field", "Part", "catalogue_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogued:
    """A message.

    Args:
        name: Its wire name.
        kind: What it is.
        version: The version of its schema.
        cls: Its class.
        text: What its docstring says; empty without one.
        fields: Its fields.
        handler: Who handles it; empty for an event.
        answers: The type of a Success; empty for an event.
        refuses: The type of what its handler says that it fails with; empty where it says nothing.
        route: The method and path of its door over HTTP; empty without one.
        deprecated: Whether it will go.
        settings: What is said of its pipeline, and where.
        caused_by: What may record or send it.
        causes: What it may record or send.
        followed_by: Who follows it: reactions, projections, writers, relays.
    """

    name: str
    kind: str
    version: int
    cls: str
    text: str
    fields: tuple[Field, ...]
    handler: str = ""
    answers: str = ""
    refuses: str = ""
    route: str = ""
    deprecated: bool = False
    settings: tuple[ExplainedSetting, ...] = ()
    caused_by: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    followed_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The commands and queries of a module; or the events of the application, under an empty name."""

    module: str
    messages: tuple[Catalogued, ...]


def catalogue_of(app: App) -> list[Part]:
    """Every message of an application: those of its modules in their order, then its events.

    Args:
        app: The application; it need not be running.

    Raises:
        StartError: It is not sound, or cannot be served over HTTP where that is installed.
    """
    _ = app.assembly
    routes, graph = routes_of(app), graph_of(app)
    asked = [one for one in app.router.handlers() if one.kind is not Kind.EVENT]
    parts = [
        Part(
            module=module.name,
            messages=tuple(_asked(app, one, routes, graph) for one in asked if one.module == module.name),
        )
        for module in app.modules
    ]
    events = tuple(_message(kind, graph) for kind in app.router.catalogue if kind.kind is Kind.EVENT)
    return [one for one in (*parts, Part(module="", messages=events)) if one.messages]


def _asked(app: App, handler: Handler, routes: Mapping[str, str], graph: Graph) -> Catalogued:
    kind = app.router.catalogue.of(handler.message_type)
    (explained,) = explain(app, kind.name).handlers
    return _message(
        kind,
        graph,
        handler=handler.id,
        answers=type_name(answered_type(handler)),
        refuses=_refusal(handler.answers),
        route=routes.get(kind.name, ""),
        deprecated=bool(handler.options.get("deprecated")),
        settings=explained.settings,
    )


def _message(kind: MessageType[Any], graph: Graph, **facts: Any) -> Catalogued:
    own = f"{kind.kind}:{kind.name}"
    names = {node.id: node.name if node.what in tuple(Kind) else f"{node.what} {node.name}" for node in graph.nodes}
    into = [names[edge.start] for edge in graph.edges if edge.end == own and edge.verb in ("records", "sends")]
    out = [edge for edge in graph.edges if edge.start == own]
    return Catalogued(
        name=kind.name,
        kind=kind.kind.value,
        version=kind.wire.version,
        cls=f"{kind.cls.__module__}.{kind.cls.__qualname__}",
        text=docstring_of(kind.cls),
        fields=fields_of(kind, nested=True),
        caused_by=_once(into),
        causes=_once(names[edge.end] for edge in out if edge.verb in ("records", "sends")),
        followed_by=_once(names[edge.end] for edge in out if edge.verb == "is followed by"),
        **facts,
    )


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


def _refusal(answers: Any) -> str:
    """`E` of `Result[T, E]`; empty where a handler says nothing of how it fails."""
    args = get_args(answers)
    return type_name(args[1]) if get_origin(answers) is Result and len(args) > 1 else ""
