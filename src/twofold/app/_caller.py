"""Somebody who sends messages: binds who they are to everything they send. One per HTTP request, say."""

from inspect import Signature
from typing import Any, ClassVar, TypeVar, overload

from twofold.dispatch import Dispatcher
from twofold.errors import TwofoldError
from twofold.messages import Command, Origin, Query
from twofold.result import Result

R = TypeVar("R")
E = TypeVar("E")


class Caller:
    """Sends messages with one origin.

    Args:
        dispatcher: Where they go.
        origin: What they all share: who sent them, for which tenant, under which correlation id.
    """

    __slots__ = ("_dispatcher", "origin")
    __signature__: ClassVar = Signature()  # a web framework that makes one by its signature has nothing to fill in

    def __init__(self, dispatcher: Dispatcher, origin: Origin) -> None:
        self._dispatcher = dispatcher
        self.origin = origin

    @overload
    async def execute(self, message: Command[R, E]) -> Result[R, E | TwofoldError]: ...
    @overload
    async def execute(self, message: Query[R, E]) -> Result[R, E | TwofoldError]: ...
    @overload
    async def execute(self, message: object) -> Result[Any, Any]: ...
    async def execute(self, message: object) -> Result[Any, Any]:
        """Execute a command or query.

        Raises:
            HandlerNotFoundError: It has no handler.
        """
        return await self._dispatcher.dispatch(message, origin=self.origin)

    async def publish(self, event: object, *, survive: bool = False) -> Result[None, TwofoldError]:
        """Publish an event."""
        return await self._dispatcher.events.publish(event, origin=self.origin, survive=survive)
