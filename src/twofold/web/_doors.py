"""Every endpoint of an application as one route among FastAPI's.

The table behind it is made when it is first needed, and again after the application was changed; what is wrong with it
is reported all together.
"""

from contextvars import ContextVar
from typing import Final, final

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from twofold.app import App, Role
from twofold.dispatch import declared_errors
from twofold.errors import Fault, StartError, TwofoldError
from twofold.web._addresses import SLASH, path_of
from twofold.web._arrival import local_path
from twofold.web._body import BodyBounds
from twofold.web._endpoint import Endpoint
from twofold.web._missing import hint_for
from twofold.web._plan import Planned, plan, told_in_addresses
from twofold.web._streams import OpenStreams
from twofold.web._table import Table
from twofold.web._watch import Watch

_FOUND: Final = "twofold.found"
_RAISED: Final = "twofold.raised"
_PATH: Final[ContextVar[str | None]] = ContextVar("twofold.path", default=None)

TRACED: Final = "fastapi.telemetry"
"""Where FastAPI keeps its span and its numbers of a request."""


@final
class Doors(BaseRoute):
    """The endpoints of an application.

    Args:
        app: The application.
        bounds: What a body may take.
        taken: Paths that are the room's own.
        streams: The streams that are open.
    """

    def __init__(self, app: App, *, bounds: BodyBounds, taken: frozenset[str], streams: OpenStreams) -> None:
        self._app = app
        self._bounds = bounds
        self._taken = taken
        self._streams = streams
        self._watch = Watch(app)
        self._table: Table | None = None
        self._elsewhere = Table(())
        self._made_for: object = None

    def prove(self) -> Table:
        """Make the table now.

        Raises:
            StartError: The application or a route is not sound; with every fault of both.
        """
        planned, faults = self._plan()
        if [one for one in faults if one not in self._app.brokerless]:  # the others wait for a start
            raise StartError(app=self._app.name, faults=faults)
        serves = self._app.role.serves
        self._table = Table(one for one in planned if serves(one.endpoint.handler.kind))
        self._elsewhere = Table(one for one in planned if not serves(one.endpoint.handler.kind))
        self._made_for = self._app.assembly
        return self._table

    def faults(self) -> list[Fault]:
        """Everything that keeps it from being served: the application's own faults, then those of routes."""
        return self._plan()[1]

    def warnings(self) -> list[Fault]:
        """What is no reason not to serve it, and will hurt one day."""
        return [*told_in_addresses(self._plan()[0])]

    @property
    def endpoints(self) -> list[Endpoint]:
        """All endpoints that are served, in the order of their modules."""
        return self._ready().endpoints

    @property
    def errors(self) -> list[type[TwofoldError]]:
        """All errors that what is served says it may fail with."""
        return [error for endpoint in self.endpoints for error in declared_errors(endpoint.handler)]

    @property
    def path_format(self) -> str | None:
        """The path of the endpoint that was found, as of any route: FastAPI asks at once, to call its span by it."""
        return _PATH.get()

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Find the endpoint of a request."""
        if scope["type"] != "http":
            return Match.NONE, {}
        endpoint, params, allowed = self._ready().find(scope["method"], path := path_of(scope))
        if endpoint is None and (not allowed or self._served_elsewhere(scope) is not None):
            return Match.NONE, {}
        if TRACED in scope:
            _PATH.set(None if endpoint is None else endpoint.path)
        if SLASH in path:
            params = {name: value.replace(SLASH, "/") for name, value in params.items()}
        child: Scope = {"endpoint": endpoint or self, "path_params": params, _FOUND: (endpoint, allowed)}
        return (Match.PARTIAL if endpoint is None else Match.FULL), child

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request that was matched."""
        if _RAISED in scope:
            raise scope.pop(_RAISED)
        endpoint, allowed = scope[_FOUND]
        if endpoint is None:
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(allowed))})
        await endpoint(scope, receive, send)

    def hint(self, scope: Scope) -> str:
        """What to do for a path that leads nowhere: which role serves it, or what may have been meant."""
        elsewhere = self._served_elsewhere(scope)
        if elsewhere is None:
            return hint_for(local_path(scope), self.endpoints)
        kind = elsewhere.handler.kind
        return f"this is a {kind}: it is served by the role {Role.serving(kind)}, and this process is {self._app.role}"

    def _served_elsewhere(self, scope: Scope) -> Endpoint | None:
        return self._elsewhere.find(scope["method"], path_of(scope))[0]

    def _plan(self) -> tuple[list[Planned], list[Fault]]:
        own = self._app.check()
        planned, faults = plan(
            self._app, bounds=self._bounds, taken=self._taken, streams=self._streams, watch=self._watch
        )
        return planned, [*own, *faults]

    def _ready(self) -> Table:
        if self._table is None or (self._app.running and self._made_for is not self._app.assembly):
            return self.prove()
        return self._table


def raise_at(scope: Scope, error: Exception) -> None:
    """Have what serves a request raise this, instead of serving it once more."""
    scope[_RAISED] = error
