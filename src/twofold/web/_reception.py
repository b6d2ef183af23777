"""The outermost layer of the room: names every request, stamps every response, and has the last word on a crash, unless
somebody has a handler of errors for everything.

Pure ASGI, so that it adds no task and no copy. It never reads a body.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from twofold.app import App
from twofold.dispatch import is_async
from twofold.errors import Family
from twofold.messages import NOWHERE, enter_origin, leave_origin
from twofold.web._arrival import Arrival, enter_arrival, leave_arrival, note_arrival
from twofold.web._authenticator import Authenticator
from twofold.web._faces import Faces
from twofold.web._problem import CRASHED, PROBLEM_JSON, Problem, problem_of
from twofold.web._streams import about_to_stop

LOGGER: Final = logging.getLogger("twofold.web")

ShortWay: TypeAlias = Callable[[ASGIApp], ASGIApp]
"""Gives what does the same for requests, and is quicker for messages."""


@final
class Reception:
    """Middleware that every request comes through.

    Args:
        asgi: What is inside.
        app: The application that is served.
        authenticate: Tells who a request comes from.
        faces: Sees that routes get the application's buses.
        max_wait: The longest that a query may wait for what its request has to see, in seconds.
        problems: What the type of a problem begins with.
        handlers: The handlers of errors that FastAPI has.
        stopping: Tells whether the process is about to stop.
        short_way: Leads messages past what is inside; None where that is not made for them.
    """

    def __init__(
        self,
        asgi: ASGIApp,
        *,
        app: App,
        authenticate: Authenticator | None,
        faces: Faces,
        max_wait: float,
        problems: str,
        handlers: Mapping[Any, Callable[..., Any]],
        stopping: Callable[[], bool],
        short_way: ShortWay | None = None,
    ) -> None:
        self._asgi = asgi if short_way is None else short_way(asgi)
        self._app = app
        self._authenticate = authenticate
        self._faces = faces
        self._max_wait = max_wait
        self._problems = problems
        self._handlers = handlers
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._asgi(scope, receive, send)
            return
        self._faces.show()
        arrival = Arrival(self._app, self._authenticate, scope, self._max_wait, self._problems)
        note_arrival(scope, arrival)
        token, of_others = enter_arrival(arrival), enter_origin(NOWHERE)
        try:
            if scope["type"] == "http":
                await self._answered(arrival, scope, receive, send)
            else:
                await self._asgi(scope, receive, send)
        finally:
            leave_origin(of_others)
            leave_arrival(token)

    async def _answered(self, arrival: Arrival, scope: Scope, receive: Receive, send: Send) -> None:
        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                arrival.answered = True
                message["headers"] = [*message.get("headers", ()), *arrival.stamps()]
            await send(message)

        try:
            await self._asgi(scope, receive, stamped)
        except asyncio.CancelledError:
            if self._stopping() and not arrival.answered:
                await send_problem(problem_told(about_to_stop(), arrival), arrival, stamped)
            raise
        except Exception as error:
            if arrival.answered:
                raise  # half a response is out: only the server can break it off
            problem, response = problem_raised(error, arrival), None
            if problem is CRASHED:
                try:
                    response = await self._last_resort(Request(scope), error)
                except Exception as broken:  # noqa: BLE001  # raised on, FastAPI would call the handler for it, too
                    problem = problem_raised(broken, arrival)
            if response is None:
                await send_problem(problem, arrival, stamped)
            else:
                await response(scope, receive, stamped)

    async def _last_resort(self, request: Request, error: Exception) -> ASGIApp | None:
        """What the handler for everything answers, in FastAPI's choice of one; None where there is none."""
        found = [handler for key, handler in self._handlers.items() if key in (500, Exception)]
        if not found:
            return None
        response: ASGIApp
        if is_async(found[-1]):
            response = await found[-1](request, error)
        else:
            response = await run_in_threadpool(found[-1], request, error)
        return response


def problem_raised(error: Exception, arrival: Arrival) -> Problem:
    """The problem that an exception is; a bug is logged with its traceback, here and nowhere else.

    Args:
        error: The exception.
        arrival: The request that it ended.
    """
    category = arrival.classifier.of_exception(error)
    if category is None:
        log_crash(error, arrival)
        return CRASHED
    return problem_told(error, arrival)


def problem_told(error: Any, arrival: Arrival) -> Problem:
    """The problem that an error value is; one that is nobody's fault but ours is logged."""
    if arrival.classifier.of_value(error).family in (Family.WIRING, Family.CORRUPT):
        log_crash(error, arrival)
    return problem_of(error, arrival.classifier)


def log_crash(error: Any, arrival: Arrival) -> None:
    """Log a bug with its traceback and the correlation id that the client was told."""
    cause = error if isinstance(error, BaseException) else None
    LOGGER.error("request %s crashed: %s", arrival.correlation_id, type(error).__qualname__, exc_info=cause)


def log_refusal(problem: Problem, arrival: Arrival, kind: str, message: str) -> None:
    """Log a request that never became a message; those that did are logged by their pipeline.

    Nothing of what was sent is in the line, but for the name of a message that there is not.

    Args:
        problem: What was answered.
        arrival: The request.
        kind: The kind of its message.
        message: The name of its message, safe to log.
    """
    facts = {
        "kind": kind,
        "message": message,
        "outcome": problem.code,
        "status": problem.status,
        "correlation_id": arrival.correlation_id,
    }
    LOGGER.info("%s %s refused: %s", kind, message, problem.code, extra={"twofold": facts})


async def send_problem(problem: Problem, arrival: Arrival, send: Send) -> None:
    """Answer with a problem."""
    body = problem.document(arrival.correlation_id, arrival.problems)
    headers = {"content-type": PROBLEM_JSON, "content-length": str(len(body)), **problem.headers()}
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
