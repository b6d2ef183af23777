"""One door for commands, queries and events alike."""

from collections.abc import Coroutine
from inspect import Signature
from typing import Any, ClassVar, TypeVar, overload

from dishka import AsyncContainer

from twofold.dispatch._bus import CommandBus, EventBus, QueryBus, router_alone
from twofold.dispatch._handler import Target
from twofold.dispatch._kinds import COMMAND, EVENT, QUERY
from twofold.dispatch._pipeline import Middleware, Place, Used, When
from twofold.dispatch._router import Router
from twofold.dispatch._sync import Portal, SyncDispatcher
from twofold.errors import Classification, TwofoldError
from twofold.messages import Command, Kind, Origin, Query
from twofold.result import Result

R = TypeVar("R")
E = TypeVar("E")


class Dispatcher:
    """Takes any message to where it belongs: one handler for a command or query, every handler of an event.

    Args:
        container: A dishka container that fills the handlers' dependencies.
        errors: What exceptions that know nothing of twofold mean.
        events: Where events go; a bus of its own unless given.

    Example:
        >>> dispatcher = Dispatcher()
        >>> dispatcher.register_command(OpenAccount, OpenAccountHandler())
        >>> await dispatcher.dispatch(OpenAccount(owner="Ada"))
        Success(...)
    """

    __signature__: ClassVar = Signature()  # a web framework that makes one by its signature has nothing to fill in

    def __init__(
        self,
        *,
        container: AsyncContainer | None = None,
        errors: Classification | None = None,
        router: Router | None = None,
        portal: Portal | None = None,
        events: EventBus | None = None,
    ) -> None:
        self._router = router or router_alone(container, errors)
        self._portal = portal or Portal()
        self.commands = CommandBus(router=self._router, portal=self._portal)
        self.queries = QueryBus(router=self._router, portal=self._portal)
        self.events = events or EventBus(router=self._router, portal=self._portal)

    def use(self, middleware: Middleware, *, at: Place = "outer", when: When = None) -> None:
        """Wrap handlers with a middleware.

        Args:
            middleware: `async def middleware(message, context, call_next) -> Result`.
            at: Around everything, or right around the handler.
            when: Which handlers; all unless given.

        Raises:
            WiringError: It is not async, or does not take these three.
        """
        self._router.use(Used(middleware, at, when, type(self).__name__))

    def register_handler(
        self, message: type, handler: Target, *, kind: Kind | None = None, blocking: bool = False
    ) -> None:
        """Register a handler whose kind its message, base class or config tells.

        Args:
            message: The message's class.
            handler: A function, a bound method, an object or class with `handle`.
            kind: The message's kind, when nothing else tells it.
            blocking: Whether a `def` may block, and so runs in a thread.

        Raises:
            DuplicateHandlerError: The command or query has one already.
            WiringError: The handler cannot be understood or filled.
        """
        self._router.register(message, handler, kind, blocking=blocking)

    def register_command(self, message: type, handler: Target, *, blocking: bool = False) -> None:
        """Register the handler of a command; see `register_handler`."""
        self.register_handler(message, handler, kind=Kind.COMMAND, blocking=blocking)

    def register_query(self, message: type, handler: Target, *, blocking: bool = False) -> None:
        """Register the handler of a query; see `register_handler`."""
        self.register_handler(message, handler, kind=Kind.QUERY, blocking=blocking)

    def register_event(self, message: type, handler: Target, *, blocking: bool = False) -> None:
        """Register one more handler of an event; see `register_handler`."""
        self.register_handler(message, handler, kind=Kind.EVENT, blocking=blocking)

    @overload
    async def dispatch(
        self, message: Command[R, E], *, origin: Origin | None = None
    ) -> Result[R, E | TwofoldError]: ...
    @overload
    async def dispatch(self, message: Query[R, E], *, origin: Origin | None = None) -> Result[R, E | TwofoldError]: ...
    @overload
    async def dispatch(self, message: object, *, origin: Origin | None = None) -> Result[Any, Any]: ...
    def dispatch(self, message: object, *, origin: Origin | None = None) -> Coroutine[Any, Any, Result[Any, Any]]:
        """Dispatch a message of any kind.

        Args:
            message: The message.
            origin: Where it comes from, when not from the handler that is running.

        Returns:
            What its handler answers; for an event, a Success once it is published.

        Raises:
            HandlerNotFoundError: It is a command or query without a handler, or no message that is known here.
        """
        router, cls = self._router, type(message)
        kind = COMMAND if cls in router.commands else QUERY if cls in router.queries else None
        # A type that was met before needs no coroutine to find out where it goes.
        return self._meet(message, origin) if kind is None else router.send(kind, message, origin)

    async def _meet(self, message: object, origin: Origin | None) -> Result[Any, Any]:
        kind = self._router.kind_of(type(message))
        if kind is EVENT:
            return await self.events.publish(message, origin=origin)
        return await self._router.send(kind, message, origin)

    @property
    def sync(self) -> SyncDispatcher:
        """The same, for code that cannot await."""
        return SyncDispatcher(self.dispatch, self._portal)
