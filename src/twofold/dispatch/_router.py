"""The table behind every bus: which handler a message goes to, and the compiled pipeline it goes through.

A pipeline is compiled once per handler, at `freeze` or at the first message of its type; a dispatch is a look-up
and calls.
"""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import UUID

from twofold.clock import Clock, IdSource, SystemClock, new_id
from twofold.dispatch._feed import feed_stage
from twofold.dispatch._handler import Handler, Target
from twofold.dispatch._injection import Injection
from twofold.dispatch._invoke import Runner, innermost
from twofold.dispatch._kinds import COMMAND
from twofold.dispatch._pipeline import Next, Place, Stage, Used, compose, stage_of
from twofold.dispatch._shape import require_shape
from twofold.dispatch._unmade import Unmade, refuse_unmade
from twofold.errors import Classifier, DuplicateHandlerError, FaultError, HandlerNotFoundError, WiringError
from twofold.messages import (
    Catalogue,
    Context,
    Kind,
    MessageType,
    Origin,
    current_context,
    enter_context,
    leave_context,
)
from twofold.result import Result


class Route(NamedTuple):
    """A handler with its compiled pipeline.

    Args:
        handler: The handler.
        run: The whole pipeline as one call.
        stages: The names of the stages that are in it, outermost first.
    """

    handler: Handler
    run: Next
    stages: tuple[str, ...]


def _inline(handler: Handler) -> Runner | None:
    return None


@dataclass(kw_only=True)
class Settings:
    """What the pipelines of a router are made of; may be changed until it is frozen.

    Args:
        before: Built-in stages outside the user's outer middleware.
        between: Built-in stages between the user's outer and inner middleware.
        refusing: Those among them that a message meets which could not be made, behind all of `before`.
        injection: Where handlers get their dependencies.
        classifier: Tells failures from bugs.
        runner: Where a `def` handler runs, when not inline.
    """

    before: Sequence[Stage] = ()
    between: Sequence[Stage] = ()
    refusing: Sequence[Stage] = ()
    injection: Injection = field(default_factory=Injection)
    classifier: Classifier = field(default_factory=Classifier)
    runner: Callable[[Handler], Runner | None] = _inline


_PLACES: Final[tuple[Place, ...]] = ("outer", "inner")


class Router:
    """Handlers by message type, and their pipelines.

    Args:
        settings: What the pipelines are made of.
        clock: Where contexts get their time.
        ids: Where contexts get their ids.
    """

    def __init__(self, settings: Settings | None = None, *, clock: Clock | None = None, ids: IdSource = new_id) -> None:
        self.settings = settings or Settings()
        self.catalogue = Catalogue()
        self.clock = clock or SystemClock()
        """Where contexts get their time; may be changed until it is frozen."""
        self.ids = ids
        """Where contexts get their ids."""
        self.middleware: list[Used] = []
        """Every middleware, in the order in which they were put in."""
        self._handlers: dict[type, list[Handler]] = {}
        self._routes: dict[Handler, Route] = {}
        self.commands: dict[type, Next] = {}
        """The pipelines of those commands that were met; `find` makes one more."""
        self.queries: dict[type, Next] = {}
        """The same of queries."""
        self._refusals: dict[Handler, Next] = {}

    def add(self, handler: Handler) -> None:
        """Register a handler.

        Raises:
            DuplicateHandlerError: Its command or query has one already.
            WiringError: Its message clashes with one that is registered.
        """
        entry = self.catalogue.add(handler.message_type, handler.kind)
        handlers = self._handlers.setdefault(entry.cls, [])
        if handlers and entry.kind is not Kind.EVENT:
            raise DuplicateHandlerError(entry.cls, first=handlers[0].id, second=handler.id)
        handlers.append(handler)

    def register(
        self, message_type: type, target: Target, kind: Kind | None = None, *, blocking: bool = False
    ) -> Handler:
        """Register a handler for a message type, for a bus that stands alone.

        Raises:
            DuplicateHandlerError: The command or query has one already.
            WiringError: The handler cannot be understood or filled.
        """
        handler = Handler.of(target, message_type=message_type, kind=kind, blocking=blocking)
        self.settings.injection.binding(handler)
        self.add(handler)
        return handler

    def use(self, used: Used) -> None:
        """Put a middleware into pipelines, inside those put at the same place before.

        Args:
            used: The middleware.

        Raises:
            FaultError: It has not the shape of one, or there is no such place.
        """
        require_shape(used.middleware)
        if used.at not in _PLACES:
            text, hint = f"is put at={used.at!r}, where nothing is", 'say at="outer" or at="inner"'
            raise FaultError(where=f"middleware {used.name}", code="middleware_shape", text=text, hint=hint)
        self.middleware.append(used)
        self.forget()

    def forget(self) -> None:
        """Drop what was compiled; it is compiled again when needed."""
        self._routes.clear()
        self.commands.clear()
        self.queries.clear()
        self._refusals.clear()

    def clear(self) -> None:
        """Forget every handler and message; middleware stays."""
        self.catalogue = Catalogue()
        self._handlers.clear()
        self.forget()

    def handlers(self, message_type: type | None = None) -> list[Handler]:
        """The handlers of a message type, or all of them."""
        if message_type is not None:
            return list(self._handlers.get(message_type, ()))
        return [handler for handlers in self._handlers.values() for handler in handlers]

    def freeze(self) -> None:
        """Compile every pipeline now."""
        for handler in self.handlers():
            self.route(handler)

    def route(self, handler: Handler) -> Route:
        """The compiled pipeline of a handler."""
        known = self._routes.get(handler)
        if known is None:
            settings = self.settings
            binding = settings.injection.binding(handler)
            core = innermost(handler, binding, settings.classifier, settings.runner(handler))
            between = settings.between or (settings.injection.scope_stage(),)
            outer, inner = (
                [stage_of(used, settings.classifier) for used in self.middleware if used.at == place]
                for place in _PLACES
            )
            run, names = compose([feed_stage(), *settings.before, *outer, *between, *inner], handler, core)
            known = self._routes[handler] = Route(handler, run, names)
        return known

    def find(self, kind: Kind, message_type: type) -> Next:
        """The pipeline of a command or query, compiled if it has to be.

        Raises:
            HandlerNotFoundError: It has no handler.
        """
        handlers = self._handlers.get(message_type, ())
        if not handlers or handlers[0].kind is not kind:
            raise HandlerNotFoundError(message_type, near=self._near(message_type))
        runs = self.commands if kind is COMMAND else self.queries
        run = runs[message_type] = self.route(handlers[0]).run
        return run

    async def send(self, kind: Kind, message: object, origin: Origin | None = None) -> Result[Any, Any]:
        """Give a command or query to its handler, through its pipeline.

        Raises:
            HandlerNotFoundError: It has none.
        """
        runs = self.commands if kind is COMMAND else self.queries
        run = runs.get(type(message)) or self.find(kind, type(message))
        context = Context(origin, current_context(), self.clock, self.ids)
        token = enter_context(context)
        try:
            return await run(message, context)
        finally:
            leave_context(token)

    async def refuse(self, handler: Handler, error: Exception, origin: Origin) -> Result[Any, Any]:
        """Answer for a message that a door cannot make of what it was given; it is seen, limited and decided about.

        It goes through the stages that need no message, and no middleware of the user's, which would.

        Args:
            handler: Whose message it would be.
            error: Why there is none.
            origin: Where it would come from.
        """
        run = self._refusals.get(handler)
        if run is None:
            run, _ = compose([*self.settings.before, *self.settings.refusing], handler, refuse_unmade)
            self._refusals[handler] = run
        context = Context(origin, None, self.clock, self.ids)
        token = enter_context(context)
        try:
            return await run(Unmade(error), context)
        finally:
            leave_context(token)

    async def deliver(self, handler: Handler, message: Any, context: Context) -> Result[Any, Any]:
        """Give a message to one handler, in a given context."""
        run = self.route(handler).run
        token = enter_context(context)
        try:
            return await run(message, context)
        finally:
            leave_context(token)

    def context(self, origin: Origin | None = None, message_id: UUID | None = None) -> Context:
        """A new context, a child of the current one.

        Args:
            origin: Where its message comes from, when not from the handler or the request that is running.
            message_id: The id of the message, when it has one already.
        """
        return Context(origin, current_context(), self.clock, self.ids, message_id)

    def kind_of(self, message_type: type) -> Kind:
        """The kind of a message type; an event needs no handler to be one.

        Raises:
            HandlerNotFoundError: Nothing is registered for it.
        """
        known = self.catalogue.known(message_type)
        if known is not None:
            return known.kind
        if MessageType.kind_of(message_type) is Kind.EVENT:
            return Kind.EVENT
        raise HandlerNotFoundError(message_type, near=self._near(message_type))

    def require_event(self, message_type: type) -> None:
        """See that a message type is not known to be of another kind, by its registration or its base class.

        Raises:
            WiringError: It is a command or a query.
        """
        known = self.catalogue.known(message_type)
        kind = MessageType.kind_of(message_type) if known is None else known.kind
        if kind not in (None, Kind.EVENT):
            name = message_type.__qualname__
            raise WiringError(f"{name} is published, and it is a {kind}: only events are; execute it")

    def _near(self, message_type: type) -> list[str]:
        names = [cls.__name__ for cls in self._handlers if cls is not message_type]
        return difflib.get_close_matches(message_type.__name__, names, n=3)
