"""What an application is made of, as plain data: for `describe`, for documents, for a check against drift."""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from types import NoneType
from typing import Any, get_args, get_origin

from twofold.app._app import App
from twofold.dispatch import UNIONS, Handler
from twofold.errors import MissingExtraError
from twofold.messages import Kind, wire_name
from twofold.projections import Projection, Writer

_PATH = re.compile(r"(?:\w+\.)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedHandler:
    """A handler, and the stages that a message passes on its way to it."""

    message: str
    kind: str
    handler: str
    module: str
    depends_on: tuple[str, ...]
    answers: str
    stages: tuple[str, ...]
    version: int
    deprecated: bool
    route: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedEvent:
    """An event, and who is interested in it."""

    name: str
    version: int
    projections: tuple[str, ...]
    reactions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedProjection:
    """A projection, a writer, a relay or a materialized view, and what it is made from."""

    name: str
    mode: str
    version: int
    events: tuple[str, ...]
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """An application."""

    name: str
    modules: tuple[str, ...]
    handlers: tuple[DescribedHandler, ...]
    events: tuple[DescribedEvent, ...]
    projections: tuple[DescribedProjection, ...]

    def as_dict(self) -> dict[str, Any]:
        """The same as dictionaries and lists, ready for JSON."""
        return asdict(self)


def describe(app: App, *, routes: bool = False) -> Description:
    """Describe an application.

    Args:
        app: The application; it need not be running.
        routes: Whether to tell where HTTP offers its messages, too, if that is installed.

    Raises:
        StartError: It is not sound.
    """
    assembly = app.assembly
    offered = routes_of(app) if routes else {}
    handlers = sorted(app.router.handlers(), key=lambda one: (one.kind, wire_name(one.message_type).name))
    reading: list[Projection | Writer] = [*assembly.projections, *assembly.writers]
    events = [entry for entry in app.router.catalogue if entry.kind == "event"]
    return Description(
        name=app.name,
        modules=tuple(module.name for module in app.modules),
        handlers=tuple(_handler(app, handler, offered) for handler in handlers),
        events=tuple(
            DescribedEvent(
                name=entry.name,
                version=entry.wire.version,
                projections=tuple(one.name for one in reading if entry.cls in one.events),
                reactions=tuple(_reaction(handler) for handler in handlers if handler.message_type is entry.cls),
            )
            for entry in events
        ),
        projections=tuple(
            DescribedProjection(
                name=one.name,
                mode=one.mode,
                version=one.version,
                events=_names(one.events),
                tables=tuple(getattr(table, "__tablename__", None) or str(table) for table in one.tables),
            )
            for one in assembly.projections
        )
        + tuple(
            DescribedProjection(name=one.name, mode="writer", version=0, events=_names(one.events), tables=())
            for one in assembly.writers
        )
        + tuple(
            DescribedProjection(name=one.name, mode="relay", version=0, events=_names(one.kinds), tables=())
            for one in assembly.publications
        )
        + tuple(
            DescribedProjection(name=one.name, mode="inbox", version=0, events=_names(one.kinds), tables=())
            for one in assembly.consumptions
        )
        + tuple(
            DescribedProjection(
                name=one.name, mode="view", version=0, events=tuple(sorted(one.types)), tables=(one.name,)
            )
            for one in assembly.views
        ),
    )


def routes_of(app: App) -> dict[str, str]:
    """The method and path of every message over HTTP; none where the web is not installed."""
    with suppress(MissingExtraError):
        paths: Mapping[str, Mapping[str, Any]] = app.http(docs=True).openapi()["paths"]
        return {
            operation["operationId"]: f"{method.upper()} {path}"
            for path, operations in paths.items()
            for method, operation in operations.items()
        }
    return {}


def _reaction(handler: Handler) -> str:
    return handler.id if handler.following.durable else f"{handler.id} (local)"


def _names(events: Iterable[type]) -> tuple[str, ...]:
    return tuple(sorted(wire_name(event).name for event in events))


def _handler(app: App, handler: Handler, routes: Mapping[str, str]) -> DescribedHandler:
    wire = wire_name(handler.message_type)
    return DescribedHandler(
        message=wire.name,
        kind=handler.kind.value,
        handler=handler.id,
        module=handler.module,
        depends_on=tuple(type_name(need) for need in handler.needs.values()),
        answers=type_name(handler.answers),
        stages=app.router.route(handler).stages,
        version=wire.version,
        deprecated=bool(handler.options.get("deprecated")),
        route="" if handler.kind is Kind.EVENT else routes.get(wire.name, ""),
    )


def type_name(hint: Any) -> str:
    """A type as people write it, without the modules it lives in."""
    if hint is NoneType:
        return "None"
    if isinstance(hint, type) and not hasattr(hint, "__args__"):
        return hint.__qualname__
    if get_origin(hint) in UNIONS:
        return " | ".join(map(type_name, get_args(hint)))
    return _PATH.sub("", str(hint))
