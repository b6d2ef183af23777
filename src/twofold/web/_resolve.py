"""Any dependency of the application in a route of FastAPI, and handlers behind their pipeline."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Annotated, Any, final

from dishka import AsyncContainer
from fastapi import Depends
from starlette.requests import HTTPConnection

from twofold.dispatch import Handler
from twofold.errors import WiringError
from twofold.messages import Origin, enter_origin
from twofold.result import Result
from twofold.web._arrival import Arrival, arrival_at


def resolve(wanted: Any) -> Callable[..., Any]:
    """A dependency for `Depends`: any service of the application, or a handler.

    A service that lives as long as a message lives as long as the request here. A handler is given as an object whose
    methods take its messages through its pipeline and give Results.

    Args:
        wanted: The type that the application provides, or the class of a handler.

    Example:
        >>> @web.get("/rates")
        ... async def rates(rates: Annotated[Rates, Depends(resolve(Rates))]) -> list[Rate]: ...
    """

    async def give(connection: HTTPConnection, scope: Annotated[AsyncContainer, Depends(_scope)]) -> Any:
        arrival = arrival_at(connection.scope)
        origin = await arrival.origin(connection)
        handlers = [handler for handler in arrival.app.router.handlers() if _is(handler.target, wanted)]
        if handlers:
            return Bound(arrival, handlers, origin)
        # what the service sends comes from the request; the reception leaves it
        enter_origin(arrival.of_command(origin))
        return await scope.get(wanted)

    return give


def _is(target: object, wanted: Any) -> bool:
    """Whether a registration is what is wanted: the very function or class, or an instance of the class."""
    return target is wanted or wanted in type(target).__mro__  # a protocol need not be one that isinstance takes


@final
class Bound:
    """A handler behind its pipeline, with who the request comes from.

    Args:
        arrival: The request.
        handlers: The registrations of one class: one for each of its messages.
        origin: Where its messages come from.
    """

    def __init__(self, arrival: Arrival, handlers: list[Handler], origin: Origin) -> None:
        self._arrival = arrival
        self._origin = origin
        self._by_type = {handler.message_type: handler for handler in handlers}
        self._methods = {"execute", "handle", *(handler.method for handler in handlers)}

    def __getattr__(self, name: str) -> Callable[[Any], Awaitable[Result[Any, Any]]]:
        if name.startswith("_") or name not in self._methods:
            raise AttributeError(name)
        return self._send

    async def _send(self, message: object) -> Result[Any, Any]:
        sort = type(message)
        handler = self._by_type.get(sort)
        if handler is None:
            known = ", ".join(cls.__qualname__ for cls in self._by_type)
            raise WiringError(f"{sort.__qualname__} is not what this handler handles: {known}")
        return await self._arrival.send(handler.kind, message, self._origin)


async def _scope(connection: HTTPConnection) -> AsyncGenerator[AsyncContainer]:
    """One scope for everything that a request resolves; closed when the request is over."""
    container = arrival_at(connection.scope).app.assembly.injection.services
    async with container() as scope:
        yield scope
