"""An application as a FastAPI application: a route for every command and query, documents, health and metrics."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

from fastapi import FastAPI
from fastapi.security import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from twofold.app import App
from twofold.errors import Fault, StartError
from twofold.reliability import Deadlines
from twofold.web._arrival import arrival_at, local_path
from twofold.web._attach import install
from twofold.web._authenticator import Authenticator
from twofold.web._body import BodyBounds
from twofold.web._doors import Doors
from twofold.web._exposed import Openness, exposed_faults
from twofold.web._front import Front
from twofold.web._health import add_health
from twofold.web._missing import asked_for
from twofold.web._openapi import describe_api
from twofold.web._positions import MAX_WAIT
from twofold.web._problem import PROBLEMS, problem_of_status
from twofold.web._problem_pages import add_problem_pages
from twofold.web._reception import log_refusal
from twofold.web._respond import problem_response
from twofold.web._short_way import short_way
from twofold.web._streams import OpenStreams, Streams

MAX_BODY: Final = 1_048_576
PATIENCE: Final = 30.0


def http(
    app: App,
    *,
    authenticate: Authenticator | None = None,
    security: SecurityBase | None = None,
    title: str | None = None,
    docs: bool | None = None,
    metrics: bool | None = None,
    any_origin: bool = False,
    max_body: int = MAX_BODY,
    patience: float = PATIENCE,
    max_wait: float = MAX_WAIT,
    problems: str = PROBLEMS,
    streams: Streams = Streams(),
) -> FastAPI:
    """An application as a FastAPI application, which starts and stops it.

    `POST /commands/{name}` and `GET /queries/{name}`, or as a handler's own path, method and status say. A query with a
    field that no URL can hold is offered by POST. Everything that `attach` gives to routes of yours is there too.
    Of messages only those are served that belong to the application's role.
    It refuses to start with a fault; `web.state.faults()` tells them all before, and `web.state.declared_faults()` all
    but those of how production is served. `web.state.warnings()` tells what will hurt one day.

    Args:
        app: The application.
        authenticate: `async (request) -> Principal | None`: who a request comes from.
        security: How a request says who it comes from, for the API document: a security scheme of FastAPI, a bearer
            token unless given. It is told there, and `authenticate` does what it says.
        title: What the API is called; the application's name unless given.
        docs: Whether `/docs` and `/openapi.json` are served; they are unless given, and in production it has to be.
        metrics: The same, of `/metrics`.
        any_origin: Whether pages of any origin may call it in production, where its CORS lets them.
        max_body: The most bytes that a body may have. This and `patience` are for messages: routes of yours read their
            bodies themselves.
        patience: How many seconds a body may take to come; then it is a 408, and the connection is closed. Where no
            request begins for so long `twofold run` closes a connection, too.
        max_wait: The longest that the header `Twofold-Wait` may have a query wait, in seconds.
        problems: What the `type` of a problem begins with, before its code: the address of a page about them, say.
            Unless given it is that of pages which are served.
        streams: How many streams may be open, and how long they wait. `web.state.drain()` ends them, which a server of
            yours does when it is told to stop.

    Raises:
        StartError: The application runs already, and a route is not sound.
        WiringError: What is said as `authenticate` is not callable, a class, or not async.
    """
    web = Front(
        title=title or app.name,
        docs_url=None if docs is False else "/docs",
        redoc_url=None,
        openapi_url=None if docs is False else "/openapi.json",
    )
    add_health(app, web, metrics=metrics is not False)
    taken = frozenset(getattr(route, "path", "") for route in web.routes)
    opened = OpenStreams(streams)
    doors = Doors(app, bounds=BodyBounds(max_body, patience, Deadlines()), taken=taken, streams=opened)
    web.router.routes.insert(0, doors)
    web.exception_handlers[HTTPException] = _http_error(doors)
    if problems == PROBLEMS:
        add_problem_pages(web, lambda: () if docs is False else doors.errors)
    describe_api(web, doors, security=None if authenticate is None else security or HTTPBearer(), max_wait=max_wait)
    said = Openness(authenticate, docs, metrics, any_origin)

    def faults() -> list[Fault]:
        return [*doors.faults(), *exposed_faults(app, web, said)]

    web.state.faults = faults
    web.state.declared_faults = doors.faults
    web.state.warnings = doors.warnings
    web.state.drain = opened.drain
    web.state.patience = patience

    def prove() -> None:
        if app.production and (found := faults()):
            raise StartError(app=app.name, faults=found)
        doors.prove()
        opened.begin()
        web.begin()

    quicker = partial(short_way, web, doors)
    install(
        app,
        web,
        said=said,
        max_wait=max_wait,
        problems=problems,
        stopping=lambda: opened.draining,
        prove=prove,
        short_way=quicker,
    )
    if app.running:
        doors.prove()  # nobody has to start it any more, and each request would be told
    return web


def _http_error(doors: Doors) -> Callable[[Request, HTTPException], Awaitable[Response]]:
    async def answer(request: Request, error: HTTPException) -> Response:
        arrival = arrival_at(request.scope)
        hint = doors.hint(request.scope) if error.status_code == 404 else _offered(error.headers or {})
        problem = problem_of_status(error.status_code, str(error.detail), hint=hint)
        asked = asked_for(local_path(request.scope))
        if asked is not None:
            log_refusal(problem, arrival, *asked)
        response = problem_response(problem, arrival)
        response.headers.update(error.headers or {})
        return response

    return answer


def _offered(headers: Mapping[str, str]) -> str:
    """A hint that says by which methods something is offered instead; empty when a response does not say."""
    methods = [method for method in headers.get("Allow", "").split(", ") if method not in ("", "HEAD")]
    return f"this is offered by {' or '.join(methods)}" if methods else ""
