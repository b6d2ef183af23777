"""Every endpoint of an application in one table: found by its path in one look-up, however many there are.

It is one route among FastAPI's. The table is made when it is first needed, and again after the application was changed;
what is wrong with it is reported all together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from re import Pattern
from types import MappingProxyType
from typing import Final, final

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from twofold.app import App
from twofold.errors import Fault, StartError
from twofold.web._arrival import local_path
from twofold.web._endpoint import Endpoint
from twofold.web._plan import Planned, plan

_ENDPOINT: Final = "twofold.endpoint"
_NO_FIELDS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(kw_only=True)
class _Table:
    """Endpoints by path, then by method; those with fields in their path are tried in turn."""

    endpoints: list[Endpoint] = field(default_factory=list[Endpoint])
    fixed: dict[str, dict[str, Endpoint]] = field(default_factory=dict[str, dict[str, Endpoint]])
    open: dict[Pattern[str], dict[str, Endpoint]] = field(default_factory=dict[Pattern[str], dict[str, Endpoint]])


@final
class Doors(BaseRoute):
    """The endpoints of an application.

    Args:
        app: The application.
        max_body: The most bytes that a body may have.
        taken: Paths that are the room's own.
    """

    def __init__(self, app: App, *, max_body: int, taken: frozenset[str]) -> None:
        self._app = app
        self._max_body = max_body
        self._taken = taken
        self._table: _Table | None = None
        self._made_for: object = None

    def prove(self) -> None:
        """Make the table now.

        Raises:
            StartError: The application or a route is not sound; with every fault of both.
        """
        faults, planned = self._plan()
        if faults:
            raise StartError(app=self._app.name, faults=faults)
        table = _Table(endpoints=[one.endpoint for one in planned])
        for one in planned:
            methods = table.open.setdefault(one.pattern, {}) if one.converts else None
            methods = table.fixed.setdefault(one.endpoint.path, {}) if methods is None else methods
            methods[one.endpoint.method] = one.endpoint
            if one.endpoint.method == "GET":
                methods.setdefault("HEAD", one.endpoint)
        self._table, self._made_for = table, self._app.assembly

    def faults(self) -> list[Fault]:
        """Everything that keeps it from being served: the application's own faults, then those of routes."""
        return self._plan()[0]

    @property
    def endpoints(self) -> list[Endpoint]:
        """All endpoints, in the order of their modules."""
        return self._ready().endpoints

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Find the endpoint of a request."""
        if scope["type"] != "http":
            return Match.NONE, {}
        table, path = self._ready(), local_path(scope)
        methods, params = table.fixed.get(path), _NO_FIELDS
        if methods is None:
            methods, params = _opened(table, path)
            if methods is None:
                return Match.NONE, {}
        endpoint = methods.get(scope["method"])
        child: Scope = {"endpoint": endpoint or self, "path_params": params, _ENDPOINT: (endpoint, methods)}
        return (Match.PARTIAL if endpoint is None else Match.FULL), child

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request that was matched."""
        endpoint, methods = scope[_ENDPOINT]
        if endpoint is None:
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(methods))})
        await endpoint(scope, receive, send)

    def _ready(self) -> _Table:
        if self._table is None or (self._app.running and self._made_for is not self._app.assembly):
            self.prove()
        assert self._table is not None  # noqa: S101
        return self._table

    def _plan(self) -> tuple[list[Fault], list[Planned]]:
        faults = list(self._app.check())
        planned, more = plan(self._app, max_body=self._max_body, taken=self._taken)
        return [*faults, *more], planned


def _opened(table: _Table, path: str) -> tuple[dict[str, Endpoint] | None, Mapping[str, str]]:
    """What is behind a path with fields, and what is in them."""
    for pattern, methods in table.open.items():
        match = pattern.match(path)
        if match is not None:
            return methods, match.groupdict()
    return None, _NO_FIELDS
