"""What really happens to one message, as plain data: each handler's pipeline, and where what is in it comes from."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from dishka import Provider, Scope
from dishka.entities.component import DEFAULT_COMPONENT
from dishka.entities.key import DependencyKey, hint_to_dependency_key

from twofold.app._app import App
from twofold.app._called import message_called
from twofold.app._reliability import MACHINES
from twofold.app.description import type_name
from twofold.cache import Caches
from twofold.dispatch import Handler, Idempotency, State, Used, filling
from twofold.messages import Kind, wire_name

_STATES: Final[tuple[State, ...]] = ("attempted", "succeeded", "failed")
_LIVES: dict[Any, str] = {Scope.APP: "application", Scope.REQUEST: "message"}
OWN: Final = "twofold"
"""Who gives what nobody else does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedNeed:
    """A dependency: which parameter asks for it, what gives it, and how long one lives."""

    parameter: str
    type: str
    given_by: str
    lives_as_long_as: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedSetting:
    """What is set of a part of the pipeline, and where: at the handler, its module, the application, or outside.

    What does it is what the container has for that, twofold's own where nobody has put another in its place.
    """

    part: str
    value: str
    source: str
    done_by: str = OWN


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedHandler:
    """A handler, the stages that a message passes on its way to it, outermost first, and what it is given."""

    handler: str
    module: str
    runs: str
    stages: tuple[str, ...]
    settings: tuple[ExplainedSetting, ...]
    needs: tuple[ExplainedNeed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A message, and everything that it reaches."""

    message: str
    version: int
    kind: str
    cls: str
    handlers: tuple[ExplainedHandler, ...]
    projections: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The same as dictionaries and lists, ready for JSON."""
        return asdict(self)


def explain(app: App, name: str) -> Explanation:
    """Explain what happens to a message.

    Args:
        app: The application; it need not be running.
        name: The wire name or the class name of a message.

    Raises:
        StartError: The application is not sound.
        NoSuchMessage: It knows no such message; the hint says what may have been meant.
    """
    assembly = app.assembly
    entry = message_called(app.name, app.router.catalogue, name)
    return Explanation(
        message=entry.name,
        version=entry.wire.version,
        kind=entry.kind.value,
        cls=f"{entry.cls.__module__}.{entry.cls.__qualname__}",
        handlers=tuple(_handler(app, handler) for handler in app.router.handlers(entry.cls)),
        projections=tuple(f"{one.name} ({one.mode})" for one in assembly.projections if entry.cls in one.events)
        + tuple(f"{one.name} (writer)" for one in assembly.writers if entry.cls in one.events),
    )


def _handler(app: App, handler: Handler) -> ExplainedHandler:
    return ExplainedHandler(
        handler=handler.id,
        module=handler.module,
        runs=_runs(app, handler),
        stages=app.router.route(handler).stages,
        settings=_settings(app, handler),
        needs=tuple(_need(app, parameter, hint) for parameter, hint in handler.needs.items()),
    )


def _settings(app: App, handler: Handler) -> tuple[ExplainedSetting, ...]:
    settings: list[ExplainedSetting] = []
    guarded = app.assembly.authorization.declared.get(handler)
    if guarded is not None:
        names = " and ".join(guard.name for guard in guarded.guards) or "public"
        settings.append(ExplainedSetting(part="authorize", value=names, source=guarded.source))
    reliability = app.assembly.reliability
    for part, one in () if reliability is None else reliability.settings(handler).items():
        source = f"{one.source}, nearer than {one.instead_of}" if one.instead_of else one.source
        done_by = OWN if one.value is None else _given_by(app, MACHINES[part])
        settings.append(ExplainedSetting(part=part, value=_said(one.value), source=source, done_by=done_by))
    settings += _of_a_command(app, handler)
    settings += _of_a_reaction(handler)
    caching = app.assembly.caching
    kept = None if caching is None else caching.said.get(handler)
    if kept is not None:
        done_by = _given_by(app, Caches)
        settings.append(ExplainedSetting(part="cache", value=_said(kept), source=handler.id, done_by=done_by))
    if "fallback" in handler.options:
        name = _named(handler.options["fallback"])
        settings.append(ExplainedSetting(part="fallback", value=name, source=handler.id))
    settings += [_used(one) for one in app.router.middleware if one.wraps(handler)]
    return tuple(settings)


def _of_a_command(app: App, handler: Handler) -> Iterator[ExplainedSetting]:
    """What its key is, and which events tell of it."""
    if handler.kind is not Kind.COMMAND:
        return
    keyed = app.assembly.idempotency.get(handler)
    usual = "default" if keyed == Idempotency() else "the application"
    source = handler.id if "idempotency" in handler.options else usual
    yield ExplainedSetting(part="idempotency", value=_said(keyed), source=source)
    states = ((state, filling(handler, state)) for state in _STATES)
    told = ", ".join(f"{state} {wire_name(one.event).name}" for state, one in states if one is not None)
    if told:
        yield ExplainedSetting(part="lifecycle", value=told, source=handler.id)


def _of_a_reaction(handler: Handler) -> Iterator[ExplainedSetting]:
    """Whether it follows the log, and whom it sends messages as, where that is not as usual."""
    if not handler.following.durable:
        yield ExplainedSetting(part="durable", value="False", source=handler.id)
    if handler.following.principal is not None:
        yield ExplainedSetting(part="principal", value=handler.following.principal.user_id, source=handler.id)


def _used(one: Used) -> ExplainedSetting:
    """A user's middleware, by what it is called in Python, and what it was given to."""
    when = "" if one.when is None else f", when={_named(one.when)}"
    value = f"{one.middleware.__module__}.{one.name}(at={one.at}{when})"
    return ExplainedSetting(part="middleware", value=value, source=one.by)


def _named(value: Any) -> Any:
    """A class or function by its name, and anything else as it is."""
    return getattr(value, "__qualname__", value) if callable(value) else value


def _said(settings: Any) -> str:
    """Settings as somebody would write them: the one that matters most, and the others where they are not as usual."""
    if settings is None:
        return "off"
    said = [(one.name, _named(getattr(settings, one.name))) for one in fields(settings) if one.repr]
    usual = {one.name: one.default for one in fields(settings)}
    told = [f"{name}={value}" for number, (name, value) in enumerate(said) if not number or value != usual[name]]
    return f"{type(settings).__name__}({', '.join(told)})"


def _runs(app: App, handler: Handler) -> str:
    if handler.is_async:
        return "async"
    if app.router.settings.runner(handler) is not None:
        return "in the thread of the store"
    return "in a thread" if handler.blocking else "in the event loop"


def _need(app: App, parameter: str, hint: Any) -> ExplainedNeed:
    scope = app.assembly.injection.scope_of(hint)
    return ExplainedNeed(
        parameter=parameter,
        type=type_name(hint),
        given_by=_given_by(app, hint),
        lives_as_long_as=_LIVES.get(scope, str(scope)),
    )


def _given_by(app: App, hint: Any) -> str:
    """What the container has for a type, and who has put it there: the last one wins, and decorators are around it."""
    wanted = hint_to_dependency_key(hint).with_component(DEFAULT_COMPONENT)
    modules = [(provider, f" of module {one.name}") for one in app.modules for provider in one.providers]
    given_by, around = OWN, list[str]()
    for provider, whose in [*modules, (app._overrides, ", an override")]:
        for provides, source in _sources(provider):
            if provides.with_component(provider.component) == wanted:
                given_by = f"{_source(source)}{whose}"
        for one in provider.decorators:
            if one.provides.with_component(provider.component) == wanted:
                around.append(f"{_source(one.factory.source)}{whose}, around ")
    return "".join([*reversed(around), given_by])


def _sources(provider: Provider) -> Iterator[tuple[DependencyKey, Any]]:
    """What a provider makes itself, and what it gives that is asked for by another name."""
    yield from ((one.provides, one.source) for one in provider.factories)
    yield from ((one.provides, one.source.type_hint) for one in provider.aliases)


def _source(source: Any) -> str:
    return getattr(source, "__qualname__", None) or type_name(source)
