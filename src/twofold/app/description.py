"""What an application is made of, as plain data: for `describe`, for documents, for a check against drift."""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from types import NoneType
from typing import Any

from twofold.app._app import App
from twofold.dispatch import Handler
from twofold.messages import wire_name
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedEvent:
    """An event, and who is interested in it."""

    name: str
    version: int
    projections: tuple[str, ...]
    reactions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedProjection:
    """A projection, a writer or a materialized view, and what it is made from."""

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


def describe(app: App) -> Description:
    """Describe an application.

    Args:
        app: The application; it need not be running.

    Raises:
        StartError: It is not sound.
    """
    assembly = app.assembly
    handlers = sorted(app.router.handlers(), key=lambda one: (one.kind, wire_name(one.message_type).name))
    reading: list[Projection | Writer] = [*assembly.projections, *assembly.writers]
    events = [entry for entry in app.router.catalogue if entry.kind == "event"]
    return Description(
        name=app.name,
        modules=tuple(module.name for module in app.modules),
        handlers=tuple(_handler(app, handler) for handler in handlers),
        events=tuple(
            DescribedEvent(
                name=entry.name,
                version=entry.wire.version,
                projections=tuple(one.name for one in reading if entry.cls in one.events),
                reactions=tuple(handler.id for handler in handlers if handler.message_type is entry.cls),
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
            DescribedProjection(
                name=one.name, mode="view", version=0, events=tuple(sorted(one.types)), tables=(one.name,)
            )
            for one in assembly.views
        ),
    )


def _names(events: Iterable[type]) -> tuple[str, ...]:
    return tuple(sorted(wire_name(event).name for event in events))


def _handler(app: App, handler: Handler) -> DescribedHandler:
    return DescribedHandler(
        message=wire_name(handler.message_type).name,
        kind=handler.kind.value,
        handler=handler.id,
        module=handler.module,
        depends_on=tuple(type_name(need) for need in handler.needs.values()),
        answers=type_name(handler.answers),
        stages=app.router.route(handler).stages,
    )


def type_name(hint: Any) -> str:
    """A type as people write it, without the modules it lives in."""
    if hint is NoneType:
        return "None"
    if isinstance(hint, type) and not hasattr(hint, "__args__"):
        return hint.__qualname__
    return _PATH.sub("", str(hint))
