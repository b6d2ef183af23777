"""The buses: typed faces of a router. Each works alone, or as the face of an application.

Alone, an `EventBus` runs its handlers at once and side by side; an application's records the event in the log instead.
The other two do themselves what `Router.send` does: a call in between is a tenth of what a bus takes.
"""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import Signature
from typing import Any, ClassVar, TypeAlias, TypeVar, overload

from dishka import AsyncContainer

from twofold.dispatch._handler import Handler, Target
from twofold.dispatch._injection import Injection
from twofold.dispatch._kinds import COMMAND, EVENT, QUERY
from twofold.dispatch._pipeline import Middleware, Place, Used, When
from twofold.dispatch._router import Router, Settings
from twofold.dispatch._sync import Portal, SyncCommandBus, SyncEventBus, SyncQueryBus
from twofold.errors import Classification, Classifier, HandlersFailed, TwofoldError, WiringError
from twofold.messages import (
    Command,
    Context,
    Kind,
    Origin,
    Query,
    current_context,
    enter_context,
    leave_context,
    wire_name,
)
from twofold.result import Failure, Result, Success

R = TypeVar("R")
E = TypeVar("E")

Publisher: TypeAlias = Callable[[Any, Origin | None, bool], Awaitable[Result[None, Any]]]
"""Takes an event, its origin, and whether it survives a roll-back."""


def router_alone(container: AsyncContainer | None, errors: Classification | None) -> Router:
    """A router for a bus without an application."""
    return Router(Settings(injection=Injection(container), classifier=Classifier(errors)))


class _Bus:
    """What the three buses share: a router, and middleware around its handlers."""

    _kind: ClassVar[Kind]
    __signature__: ClassVar = Signature()  # a web framework that makes one by its signature has nothing to fill in

    def __init__(
        self,
        *,
        container: AsyncContainer | None = None,
        errors: Classification | None = None,
        router: Router | None = None,
        portal: Portal | None = None,
    ) -> None:
        self._router = router or router_alone(container, errors)
        self._portal = portal or Portal()

    def use(self, middleware: Middleware, *, at: Place = "outer", when: When = None) -> None:
        """Wrap handlers with a middleware: of what this bus takes, and of nothing else of its application.

        Args:
            middleware: `async def middleware(message, context, call_next) -> Result`.
            at: Around everything, or right around the handler.
            when: Which of these handlers; all unless given.

        Raises:
            WiringError: It is not async, or does not take these three.
        """
        self._router.use(Used(middleware, at, when, type(self).__name__, self._kind))


class CommandBus(_Bus):
    """Takes commands to their handlers.

    Args:
        container: A dishka container that fills the handlers' dependencies.
        errors: What exceptions that know nothing of twofold mean.

    Example:
        >>> bus = CommandBus()
        >>> bus.register(OpenAccount, open_account)
        >>> await bus.execute(OpenAccount(owner="Ada"))
        Success(...)
    """

    _kind = COMMAND

    def register(self, command: type, handler: Target, *, blocking: bool = False) -> None:
        """Register the handler of a command.

        Args:
            command: The command's class.
            handler: A function, a bound method, an object or class with `handle`.
            blocking: Whether a `def` may block, and so runs in a thread.

        Raises:
            DuplicateHandlerError: The command has one already.
            WiringError: The handler cannot be understood or filled.
        """
        self._router.register(command, handler, Kind.COMMAND, blocking=blocking)

    @overload
    async def execute(self, command: Command[R, E], *, origin: Origin | None = None) -> Result[R, E | TwofoldError]: ...
    @overload
    async def execute(self, command: object, *, origin: Origin | None = None) -> Result[Any, Any]: ...
    async def execute(self, command: object, *, origin: Origin | None = None) -> Result[Any, Any]:
        """Execute a command.

        Args:
            command: The command.
            origin: Where it comes from, when not from the handler that is running.

        Returns:
            What its handler answers, or why it was refused.

        Raises:
            HandlerNotFoundError: It has no handler.
        """
        router = self._router
        run = router.commands.get(type(command)) or router.find(COMMAND, type(command))
        context = Context(origin, current_context(), router.clock, router.ids)
        token = enter_context(context)
        try:
            return await run(command, context)
        finally:
            leave_context(token)

    @property
    def sync(self) -> SyncCommandBus:
        """The same, for code that cannot await."""
        return SyncCommandBus(self.execute, self._portal)


class QueryBus(_Bus):
    """Takes queries to their handlers.

    Args:
        container: A dishka container that fills the handlers' dependencies.
        errors: What exceptions that know nothing of twofold mean.
    """

    _kind = QUERY

    def register(self, query: type, handler: Target, *, blocking: bool = False) -> None:
        """Register the handler of a query.

        Args:
            query: The query's class.
            handler: A function, a bound method, an object or class with `handle`.
            blocking: Whether a `def` may block, and so runs in a thread.

        Raises:
            DuplicateHandlerError: The query has one already.
            WiringError: The handler cannot be understood or filled.
        """
        self._router.register(query, handler, Kind.QUERY, blocking=blocking)

    @overload
    async def execute(self, query: Query[R, E], *, origin: Origin | None = None) -> Result[R, E | TwofoldError]: ...
    @overload
    async def execute(self, query: object, *, origin: Origin | None = None) -> Result[Any, Any]: ...
    async def execute(self, query: object, *, origin: Origin | None = None) -> Result[Any, Any]:
        """Execute a query.

        Args:
            query: The query.
            origin: Where it comes from, when not from the handler that is running.

        Returns:
            What its handler answers, or why it was refused.

        Raises:
            HandlerNotFoundError: It has no handler.
        """
        router = self._router
        run = router.queries.get(type(query)) or router.find(QUERY, type(query))
        context = Context(origin, current_context(), router.clock, router.ids)
        token = enter_context(context)
        try:
            return await run(query, context)
        finally:
            leave_context(token)

    @property
    def sync(self) -> SyncQueryBus:
        """The same, for code that cannot await."""
        return SyncQueryBus(self.execute, self._portal)


class EventBus(_Bus):
    """Takes events to their handlers; none, one or many.

    Args:
        container: A dishka container that fills the handlers' dependencies.
        errors: What exceptions that know nothing of twofold mean.
        publisher: Where published events go instead of straight to the handlers; an application's log.
    """

    _kind = EVENT

    def __init__(
        self,
        *,
        container: AsyncContainer | None = None,
        errors: Classification | None = None,
        router: Router | None = None,
        portal: Portal | None = None,
        publisher: Publisher | None = None,
    ) -> None:
        super().__init__(container=container, errors=errors, router=router, portal=portal)
        self._publisher = publisher or self._hand_over
        self._by_name: dict[str, list[Handler]] = {}

    def register(self, event: type, handler: Target, *, blocking: bool = False) -> None:
        """Register one more handler of an event.

        Args:
            event: The event's class.
            handler: A function, a bound method, an object or class with `handle`.
            blocking: Whether a `def` may block, and so runs in a thread.

        Raises:
            WiringError: The handler cannot be understood or filled.
        """
        self._router.register(event, handler, Kind.EVENT, blocking=blocking)

    def subscribe(self, event: type | str, handler: Target) -> None:
        """Register one more handler of an event, by its class or by its wire name.

        Raises:
            WiringError: The handler cannot be understood or filled.
        """
        if isinstance(event, type):
            self.register(event, handler)
        else:
            subscriber = Handler.of(handler, message_type=object, kind=Kind.EVENT)
            self._router.settings.injection.binding(subscriber)
            self._by_name.setdefault(event, []).append(subscriber)

    async def publish(
        self, event: object, *, origin: Origin | None = None, survive: bool = False
    ) -> Result[None, TwofoldError]:
        """Say that something happened.

        In a unit of work the event is recorded, and commits or is undone with it.

        Args:
            event: The event.
            origin: Where it comes from, when not from the handler that is running.
            survive: Whether it outlives a roll-back of the unit of work.

        Returns:
            A Success once the event is recorded; alone, once every handler has run.

        Raises:
            WiringError: It is no event.
        """
        return await self._publisher(event, origin, survive)

    async def _hand_over(self, event: object, origin: Origin | None, survive: bool) -> Result[None, Any]:
        """Run every handler side by side; one that fails disturbs no other."""
        if survive:
            raise WiringError("survive=True needs an application with a store: there is no roll-back to outlive here")
        self._router.require_event(type(event))
        handlers = [
            *self._router.handlers(type(event)),
            *self._by_name.get(wire_name(type(event)).name, ()),
        ]
        outcomes = await asyncio.gather(
            *(self._router.deliver(handler, event, self._router.context(origin)) for handler in handlers),
            return_exceptions=True,
        )
        bugs = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        if len(bugs) == 1:
            raise bugs[0]
        if bugs:
            raise BaseExceptionGroup(f"handlers of {type(event).__qualname__} failed", bugs)
        errors = {
            handler.id: outcome.error
            for handler, outcome in zip(handlers, outcomes, strict=True)
            if isinstance(outcome, Failure)
        }
        return Failure(HandlersFailed(event=type(event), errors=errors)) if errors else Success()

    @property
    def sync(self) -> SyncEventBus:
        """The same, for code that cannot await."""
        return SyncEventBus(self.publish, self._portal)
