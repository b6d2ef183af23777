"""An application for code that cannot await: scripts, Django, Flask."""

from types import TracebackType
from typing import Any, Protocol, Self, TypeVar, overload

from twofold.dispatch import Portal
from twofold.errors import TwofoldError
from twofold.messages import Command, Origin, Query
from twofold.result import Result

R = TypeVar("R")
E = TypeVar("E")


class Startable(Protocol):
    """What is driven: an application."""

    @property
    def running(self) -> bool:
        """Whether it was started and not stopped."""
        ...

    async def __aenter__(self) -> Any:
        """Start it, unless it is running."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it, unless another block goes on."""
        ...

    async def settle(self, *, timeout: float = 10.0) -> None:
        """Wait until nothing is left to do."""
        ...

    async def dispatch(self, message: Any, *, origin: Origin | None = None) -> Result[Any, Any]:
        """Dispatch a message."""
        ...


class SyncApp:
    """Drives an application from a thread that has no event loop.

    Example:
        >>> with app.sync as shop:
        ...     shop.execute(PlaceOrder(customer_id=ada, lines=lines))
        Success(UUID('...'))
    """

    def __init__(self, app: Startable, portal: Portal) -> None:
        self._app = app
        self._portal = portal

    def __enter__(self) -> Self:
        self._portal.run(self._app.__aenter__)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._portal.run(lambda: self._app.__aexit__(kind, error, trace))
        if not self._app.running:
            self._portal.close()

    @overload
    def execute(self, message: Command[R, E], *, origin: Origin | None = None) -> Result[R, E | TwofoldError]: ...
    @overload
    def execute(self, message: Query[R, E], *, origin: Origin | None = None) -> Result[R, E | TwofoldError]: ...
    @overload
    def execute(self, message: object, *, origin: Origin | None = None) -> Result[Any, Any]: ...
    def execute(self, message: object, *, origin: Origin | None = None) -> Result[Any, Any]:
        """Execute a command or query, and wait for its answer."""
        return self._portal.run(lambda: self._app.dispatch(message, origin=origin))

    def dispatch(self, message: Any, *, origin: Origin | None = None) -> Result[Any, Any]:
        """Dispatch a message of any kind, and wait for its answer."""
        return self._portal.run(lambda: self._app.dispatch(message, origin=origin))

    def settle(self, *, timeout: float = 10.0) -> None:
        """Wait until projections and reactions have dealt with everything."""
        self._portal.run(lambda: self._app.settle(timeout=timeout))
