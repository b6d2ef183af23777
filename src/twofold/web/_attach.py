"""Mounting an application in a FastAPI application: lifespan, buses for `Depends()`, error handlers, correlation."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, nullcontext
from typing import Any

from fastapi import FastAPI
from fastapi.exception_handlers import request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response

from twofold.app import App
from twofold.errors import Invalid, StartError, TwofoldError
from twofold.messages import findings
from twofold.web._arrival import arrival_at
from twofold.web._authenticator import Authenticator, require_authenticator
from twofold.web._exposed import Openness, exposed_faults
from twofold.web._faces import Faces
from twofold.web._positions import MAX_WAIT
from twofold.web._problem import PROBLEMS
from twofold.web._problem_schema import describe_problems
from twofold.web._reception import Reception, ShortWay, problem_told
from twofold.web._respond import problem_response


def attach(
    app: App,
    fastapi_app: FastAPI,
    *,
    authenticate: Authenticator | None = None,
    docs: bool | None = None,
    metrics: bool | None = None,
    any_origin: bool = False,
    max_wait: float = MAX_WAIT,
    problems: str = PROBLEMS,
) -> None:
    """Mount an application in a FastAPI application of yours, before it starts.

    Its lifespan starts and stops the application. Routes that ask for `Depends()` on CommandBus, QueryBus, EventBus,
    Dispatcher or Caller get the application's own, with who the request comes from bound to them; on Principal they get
    who that is, and a request from nobody is a 401. Errors of twofold that a route raises, and FastAPI's findings about
    a request, become problem details; error handlers of yours stay, and one for `Exception` or 500 answers crashes.
    A request is one caller: its queries see what it has written before, and what its header `Twofold-Position` says;
    its response says in the same header what it has written. It has neither health nor metrics: `add_health` adds them.

    Args:
        app: The application.
        fastapi_app: The FastAPI application.
        authenticate: `async (request) -> Principal | None`: who a request comes from.
        docs: Whether whoever gets there may read the documents that it has; in production it has to be said.
        metrics: The same, of a page `/metrics` that it has.
        any_origin: Whether pages of any origin may call it in production, where its CORS lets them.
        max_wait: The longest that the header `Twofold-Wait` may have a query wait, in seconds.
        problems: What the `type` of a problem begins with, before its code: the address of a page about them, say. What
            it begins with unless given leads nowhere: the pages behind it are served by `http`.

    Raises:
        WiringError: What is said as `authenticate` is not callable, a class, or not async.
    """
    said = Openness(authenticate, docs, metrics, any_origin)
    install(app, fastapi_app, said=said, max_wait=max_wait, problems=problems)


def install(
    app: App,
    fastapi_app: FastAPI,
    *,
    said: Openness,
    max_wait: float,
    problems: str,
    stopping: Callable[[], bool] = bool,
    prove: Callable[[], object] | None = None,
    short_way: ShortWay | None = None,
) -> None:
    """What `attach` does.

    Args:
        app: The application.
        fastapi_app: The FastAPI application.
        said: What of it is open.
        max_wait: The longest that a query may wait, in seconds.
        problems: What the type of a problem begins with.
        stopping: Tells whether the process is about to stop; never unless given.
        prove: Called before the application starts; raises when there is a reason why it may not. What the
            application is, and what of it is open, is proven unless given.
        short_way: Leads messages past the layers that FastAPI has for routes; for an application that has doors.

    Raises:
        WiringError: What is said as `authenticate` is not callable, a class, or not async.
    """
    require_authenticator(said.authenticate)
    faces, handlers = Faces(fastapi_app), fastapi_app.exception_handlers
    fastapi_app.add_middleware(
        Reception,
        app=app,
        authenticate=said.authenticate,
        faces=faces,
        max_wait=max_wait,
        problems=problems,
        handlers=handlers,
        stopping=stopping,
        short_way=short_way,
    )
    handlers.setdefault(TwofoldError, _refused)
    if handlers.get(RequestValidationError) is request_validation_exception_handler:
        handlers[RequestValidationError] = _invalid
    describe_problems(fastapi_app)
    inner = fastapi_app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(asgi: Any) -> AsyncGenerator[Any]:
        if prove is not None:
            prove()
        elif exposed := [*exposed_faults(app, fastapi_app, said)]:
            raise StartError(app=app.name, faults=[*app.check(), *exposed])
        async with nullcontext() if app.running else app, inner(asgi) as state:
            yield state

    fastapi_app.router.lifespan_context = lifespan


async def _refused(request: Request, error: TwofoldError) -> Response:
    arrival = arrival_at(request.scope)
    return problem_response(problem_told(error, arrival), arrival)


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    found = ({**one, "loc": one["loc"][1:]} for one in error.errors())
    return await _refused(request, Invalid(findings=findings(found)))
