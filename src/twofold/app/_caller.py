"""Somebody who sends messages: binds who they are to everything they send, and remembers what they have written.

One per HTTP request, say.
"""

from collections.abc import Coroutine
from dataclasses import replace
from inspect import Signature
from typing import Any, ClassVar, TypeVar, overload

from twofold.dispatch import Dispatcher
from twofold.errors import TwofoldError
from twofold.messages import Command, Origin, Query, Receipt
from twofold.result import Result

R = TypeVar("R")
E = TypeVar("E")


class Caller:
    """Sends messages with one origin, and sees its own writes.

    A query waits until the projections that it reads show what this caller has written before; an inline projection
    shows it at once, and a caller that has written nothing waits for nothing. When they do not in time, the answer is a
    Failure with `NotYetVisible`.

    Args:
        dispatcher: Where they go.
        origin: What they all share: who sent them, for which tenant, under which correlation id.
    """

    __slots__ = ("_dispatcher", "_receipt", "origin")
    __signature__: ClassVar = Signature()  # a web framework that makes one by its signature has nothing to fill in

    def __init__(self, dispatcher: Dispatcher, origin: Origin) -> None:
        self._dispatcher = dispatcher
        self._receipt = origin.receipt or Receipt()
        self.origin = origin if origin.receipt is self._receipt else replace(origin, receipt=self._receipt)

    def at(self, door: str) -> "Caller":
        """The same caller at a door, which the trail names, and whose answers are held against what is promised.

        Args:
            door: What it is called: `http` and `shell` are.
        """
        return Caller(self._dispatcher, replace(self.origin, source=door))

    @property
    def position(self) -> int:
        """The position in the log that it has reached, where another may begin; 0 when it has written nothing."""
        return self._receipt.position

    @property
    def version(self) -> int | None:
        """The version of what its last writing command was about; None when that was not one aggregate alone."""
        return self._receipt.version

    @overload
    async def execute(self, message: Command[R, E]) -> Result[R, E | TwofoldError]: ...
    @overload
    async def execute(self, message: Query[R, E]) -> Result[R, E | TwofoldError]: ...
    @overload
    async def execute(self, message: object) -> Result[Any, Any]: ...
    def execute(self, message: object) -> Coroutine[Any, Any, Result[Any, Any]]:
        """Execute a command or query.

        Raises:
            HandlerNotFoundError: It has no handler.
        """
        return self._dispatcher.dispatch(message, origin=self.origin)

    async def publish(self, event: object, *, survive: bool = False) -> Result[None, TwofoldError]:
        """Publish an event.

        Args:
            event: The event.
            survive: Whether it outlives a roll-back of the unit of work.
        """
        return await self._dispatcher.events.publish(event, origin=self.origin, survive=survive)
