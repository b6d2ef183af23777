"""The application once more, on a throw-away store, with nothing in it that reaches beyond that store.

Of what is not twofold's own only the handlers run. Whatever else would be called, a dependency or a middleware, may do
something that cannot be undone, so it is refused until it is allowed by its name; what `App.override` has put in the
place of a dependency was put there on purpose.
"""

import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from shlex import quote
from typing import Any, ClassVar, Final, final, get_origin

from twofold.aggregates import Boundary, History, Repository
from twofold.app._app import App
from twofold.app._room import open_room
from twofold.app.description import type_name
from twofold.clock import Clock, SystemClock
from twofold.dispatch import (
    CommandBus,
    Dispatcher,
    EventBus,
    Handler,
    Next,
    QueryBus,
    Router,
    Settings,
    Stage,
    stage_of,
)
from twofold.errors import Refused
from twofold.messages import Catalogue, Context
from twofold.middleware import validation_stage
from twofold.projections import Live
from twofold.result import Result
from twofold.store import (
    Store,
    UnitOfWork,
    conclusion_stage,
    lifecycle_stage,
    read_only_stage,
    transaction_stage,
)

_OWN: Final[frozenset[Any]] = frozenset(
    {
        Boundary,
        Catalogue,
        Clock,
        CommandBus,
        Context,
        Dispatcher,
        EventBus,
        History,
        Live,
        QueryBus,
        Repository,
        Store,
        UnitOfWork,
        type,
    }
)
"""What twofold itself gives to handlers, beside sessions: in a twin, none of it leaves the throw-away store. Types are
those that a generic one is for.
"""


class EffectsRefused(Refused):
    """A handler would call what may have effects elsewhere, and nobody has allowed it.

    Args:
        handler: The handler.
        effects: What it would call, by name.
    """

    code: ClassVar[str] = "effects_refused"

    def __init__(self, handler: str, effects: Collection[str]) -> None:
        super().__init__(f"{handler} would call what may have effects elsewhere: {', '.join(effects)}")
        self.handler, self.effects = handler, tuple(effects)

    @property
    def hint(self) -> str:
        """How to have it replayed all the same."""
        allowed = " ".join(f"--allow {quote(name)}" for name in self.effects)
        return f"put something else in its place with app.override(...), or have it called: {allowed}"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """An application that handles a command, and that nothing follows.

    Args:
        router: Its handlers.
        clock: Its clock, which stands still.
        store: Where it keeps everything.
        refused: Whom it has kept from being called, whatever the handlers have made of that.
    """

    router: Router
    clock: Clock
    store: Store
    refused: list[EffectsRefused] = field(default_factory=list[EffectsRefused])

    @property
    def settings(self) -> Settings:
        """What its pipelines are made of."""
        return self.router.settings


def twin_of(app: App, store: Store, now: datetime, allowed: Collection[str]) -> Twin:
    """The twin of an application.

    Args:
        app: The application.
        store: Where the twin keeps everything.
        now: What time it is, all the while.
        allowed: What may be called, by name.

    Raises:
        StartError: The application is not sound on this store.
    """
    clock = _Stopped(now)
    # Its read database is named too: the environment may have one for the application.
    made = App(app.name, modules=app.modules, database=store, read_database=store, key_database=app.keys, clock=clock)
    made.said = replace(app.said, clock=clock, lent=True)
    made._overrides = app._overrides
    classifier = app.router.settings.classifier
    middleware: list[Stage] = []
    for one in app.router.middleware:
        middleware.append(stage_of(one, classifier))
        if one.name in allowed:
            made.router.use(one)
    assembly = made.assembly
    assembly.held = ()  # no other process can take the place of an inline projection
    assembly.told = None  # nothing follows what it commits
    twin = Twin(router=made.router, clock=clock, store=made.store)
    settings, catalogue = twin.settings, made.router.catalogue
    effects = _Effects(app, settings, middleware)
    settings.before = (_effects_stage(effects, allowed, twin.refused),)
    settings.between = (
        validation_stage(catalogue),
        lifecycle_stage(made.new_unit, catalogue, settings.classifier, assembly.behind),
        settings.injection.scope_stage(),
        transaction_stage(made.new_unit, catalogue, settings.classifier),
        conclusion_stage(catalogue),
        read_only_stage(),
    )
    return twin


def _effects_stage(effects: "_Effects", allowed: Collection[str], refused: list[EffectsRefused]) -> Stage:
    """The stage that no message passes whose handler could call what is not allowed."""

    def wrap(handler: Handler, call_next: Next) -> Next | None:
        found = sorted({*effects.of(handler, call_next)}.difference(allowed))

        async def refuse(message: Any, context: Context) -> Result[Any, Any]:
            refused.append(EffectsRefused(handler.id, found))
            raise refused[-1]

        return refuse if found else None

    return Stage("effects", wrap)


@final
class _Effects:
    """Knows what of an application may have effects elsewhere.

    Args:
        app: The application.
        settings: Those of its twin.
        middleware: The middleware of the application, as stages.
    """

    def __init__(self, app: App, settings: Settings, middleware: Collection[Stage]) -> None:
        self._injection = settings.injection
        self._middleware = middleware
        self._own = _OWN | _sessions()
        self._provided = _provided(app)
        self._overridden = {factory.provides.type_hint for factory in app._overrides.factories}

    def of(self, handler: Handler, call_next: Next) -> Iterator[str]:
        """The names of what a handler, or what stands around it, would call."""
        for stage in self._middleware:
            if stage.wrap(handler, call_next) is not None:
                yield stage.name
        for hint in self._injection.reached(handler):
            own = (get_origin(hint) or hint) in self._own and hint not in self._provided
            if not own and hint not in self._overridden:
                yield type_name(hint)


@final
class _Stopped:
    """A clock that stands still.

    Args:
        moment: Where.
    """

    __slots__ = ("_moment",)

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def now(self) -> datetime:
        """The moment."""
        return self._moment

    def monotonic(self) -> float:
        """Seconds of the machine: what waits shall end."""
        return SystemClock().monotonic()


def _provided(app: App) -> set[Any]:
    """What modules provide; a type of twofold's among it is not twofold's own."""
    found: set[Any] = set()
    for provider in (provider for module in app.modules for provider in module.providers):
        found.update(one.provides.type_hint for one in provider.factories)
        found.update(one.provides.type_hint for one in provider.aliases)
        found.update(one.provides.type_hint for one in provider.decorators)
    return found


def _sessions() -> frozenset[Any]:
    """The sessions, where an application may have any."""
    if "sqlalchemy" not in sys.modules:
        return frozenset()
    sql = open_room("twofold.sql")
    return frozenset({*sql.WRITING, *sql.AWAITED, *sql.BLOCKING, sql.SqlPart})
