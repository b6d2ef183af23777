"""Buses as a route of FastAPI gets them: the application's own, with who the request comes from bound to them; and who
that is.

Left alone, `Depends()` on a bus would build an empty one for every request.
"""

from collections.abc import Callable
from typing import Any, Final, final

from fastapi import FastAPI
from starlette.requests import HTTPConnection

from twofold.app import Caller
from twofold.dispatch import CommandBus, Dispatcher, EventBus, QueryBus
from twofold.errors import Unauthenticated
from twofold.messages import Kind, Origin, Principal
from twofold.result import Result
from twofold.web._arrival import Arrival, arrival_at


@final
class RequestCommandBus(CommandBus):
    """A command bus whose commands come from one request, under the key and at the version that its headers say."""

    def __init__(self, bus: CommandBus, origin: Origin, arrival: Arrival) -> None:
        vars(self).update(vars(bus))
        self.origin = origin
        self.arrival = arrival

    async def execute(self, command: Any, *, origin: Origin | None = None) -> Result[Any, Any]:
        """Execute a command that comes from the request, unless told otherwise."""
        if origin is None:
            return await self.arrival.send(Kind.COMMAND, command, self.origin)
        result: Result[Any, Any] = await super().execute(command, origin=origin)
        return result


@final
class RequestQueryBus(QueryBus):
    """A query bus whose queries come from one request."""

    def __init__(self, bus: QueryBus, origin: Origin) -> None:
        vars(self).update(vars(bus))
        self.origin = origin

    async def execute(self, query: Any, *, origin: Origin | None = None) -> Result[Any, Any]:
        """Execute a query that comes from the request, unless told otherwise."""
        result: Result[Any, Any] = await super().execute(query, origin=origin or self.origin)
        return result


@final
class RequestEventBus(EventBus):
    """An event bus whose events come from one request."""

    def __init__(self, bus: EventBus, origin: Origin) -> None:
        vars(self).update(vars(bus))
        self.origin = origin

    async def publish(self, event: object, *, origin: Origin | None = None, survive: bool = False) -> Result[None, Any]:
        """Publish an event that comes from the request, unless told otherwise."""
        return await super().publish(event, origin=origin or self.origin, survive=survive)


@final
class RequestDispatcher(Dispatcher):
    """A dispatcher whose messages come from one request."""

    def __init__(self, dispatcher: Dispatcher, origin: Origin, arrival: Arrival) -> None:
        vars(self).update(vars(dispatcher))
        self.origin = origin
        self.commands = RequestCommandBus(dispatcher.commands, origin, arrival)
        self.queries = RequestQueryBus(dispatcher.queries, origin)
        self.events = RequestEventBus(dispatcher.events, origin)

    async def dispatch(self, message: object, *, origin: Origin | None = None) -> Result[Any, Any]:
        """Dispatch a message that comes from the request, unless told otherwise."""
        own = origin is None or origin is self.origin  # a Caller names the one it was given
        if own and self._router.kind_of(type(message)) is Kind.COMMAND:
            answered: Result[Any, Any] = await self.commands.execute(message)
            return answered
        result: Result[Any, Any] = await super().dispatch(message, origin=origin or self.origin)
        return result


async def _commands(connection: HTTPConnection) -> CommandBus:
    arrival = arrival_at(connection.scope)
    return RequestCommandBus(arrival.app.commands, await arrival.origin(connection), arrival)


async def _queries(connection: HTTPConnection) -> QueryBus:
    arrival = arrival_at(connection.scope)
    return RequestQueryBus(arrival.app.queries, await arrival.origin(connection))


async def _events(connection: HTTPConnection) -> EventBus:
    arrival = arrival_at(connection.scope)
    return RequestEventBus(arrival.app.events, await arrival.origin(connection))


async def _dispatcher(connection: HTTPConnection) -> RequestDispatcher:
    arrival = arrival_at(connection.scope)
    return RequestDispatcher(arrival.app.dispatcher, await arrival.origin(connection), arrival)


async def _caller(connection: HTTPConnection) -> Caller:
    dispatcher = await _dispatcher(connection)
    return Caller(dispatcher, dispatcher.origin)


async def _principal(connection: HTTPConnection) -> Principal:
    origin = await arrival_at(connection.scope).origin(connection)
    if origin.principal is None:
        raise Unauthenticated("nobody is logged in, and this needs somebody")
    return origin.principal


_GIVERS: Final[dict[type, Callable[..., Any]]] = {
    CommandBus: _commands,
    QueryBus: _queries,
    EventBus: _events,
    Dispatcher: _dispatcher,
    Caller: _caller,
    Principal: _principal,
}


@final
class Faces:
    """Sees that routes of a FastAPI application get these when they ask for a bus, or for who asks.

    They stand among FastAPI's dependency overrides, which a test may clear: so they are put there again when missing.
    What a test has put in the place of one stays.
    """

    def __init__(self, fastapi_app: FastAPI) -> None:
        self._fastapi_app = fastapi_app

    def show(self) -> None:
        """Put those in place that are missing."""
        overrides = self._fastapi_app.dependency_overrides
        if not overrides.keys() >= _GIVERS.keys():
            for wanted, giver in _GIVERS.items():
                overrides.setdefault(wanted, giver)
