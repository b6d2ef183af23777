"""Whether the application lives, is ready, and works off its log, and its numbers: for whoever operates it.

Says nothing that a stranger may not know: names, lags and counts, and never the text of an error.
"""

import logging
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from twofold.app import App, open_room
from twofold.errors import MissingExtraError
from twofold.subscriptions import in_time
from twofold.web._arrival import arrival_at
from twofold.web._problem import problem_of_status
from twofold.web._respond import problem_response

_LOGGER: Final = logging.getLogger("twofold.web")
_STUCK: Final = "One stands still while events wait, is refused, or owned by nobody; or a database is away"
_TOO_LATE: Final = "it ran already when it was asked for: make app.http() before it starts, or give it a meter"


def _told(description: str, *members: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {name: _MEMBERS[name] for name in members}, "required": [*members]}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _each(**types: str) -> dict[str, Any]:
    properties = {name: {"type": type_} for name, type_ in types.items()}
    return {"type": "array", "items": {"type": "object", "properties": properties, "required": [*types]}}


_MEMBERS: Final = {
    "status": {"type": "string"},
    "running": {"type": "boolean"},
    "away": {"type": "array", "items": {"type": "string"}},
    "subscriptions": _each(name="string", lag="integer", failures="integer"),
    "workers": _each(
        name="string",
        lag="integer",
        waiting="number",
        still="number",
        parked="integer",
        owned="boolean",
        lease="string",
        failures="integer",
        reason="string",
    ),
}

HEALTH_OPERATIONS: Final[Mapping[str, Any]] = {
    "/health/live": {
        "get": {
            "operationId": "health_live",
            "tags": ["health"],
            "summary": "Whether it lives",
            "responses": {"200": _told("It does", "status")},
        }
    },
    "/health/ready": {
        "get": {
            "operationId": "health_ready",
            "tags": ["health"],
            "summary": "Whether it takes traffic, and how far its subscriptions are",
            "responses": {
                "200": _told("It does", "status", "running", "away", "subscriptions"),
                "503": _told("Not now", "status", "running", "away", "subscriptions"),
            },
        }
    },
    "/health/workers": {
        "get": {
            "operationId": "health_workers",
            "tags": ["health"],
            "summary": "Whether somebody works off the log for every subscription",
            "description": (
                "`lag` is in positions. In seconds are `waiting`, since the oldest event that waits was recorded, and"
                " `still`, since events wait without one being dealt with, or a new version of a projection cannot take"
                " the place. `parked` counts streams that are put aside."
                " `owned` says whether any process follows the log for it, and `lease` whether this one can show that"
                " it lives: `kept`, `failing`, or `lost` once another one may have taken over. `reason` is the code of"
                " an error that no waiting mends, such as `log_replaced`; empty for none. `away` names the databases"
                " that do not answer, so that nobody can tell of workers."
            ),
            "responses": {
                "200": _told("Somebody does", "status", "running", "away", "workers"),
                "503": _told(_STUCK, "status", "running", "away", "workers"),
            },
        }
    },
}
"""The same in the API document."""


def add_health(app: App, web: FastAPI, *, metrics: bool = True) -> None:
    """Serve `/health/live`, `/health/ready` and `/health/workers`, and `/metrics` where something renders them.

    `http` does so by itself; a FastAPI application of yours that an application is attached to has them by this.
    Numbers are kept from the start of an application on, so for them it has to be called before.

    Args:
        app: The application.
        web: Where they are served.
        metrics: Whether the numbers are, too.
    """

    async def live(request: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def ready(request: Request) -> Response:
        body = await _readiness(app)
        return JSONResponse(body, status_code=200 if body["status"] == "ready" else 503)

    async def workers(request: Request) -> Response:
        body = await _work(app)
        return JSONResponse(body, status_code=200 if body["status"] == "working" else 503)

    web.add_route("/health/live", live, include_in_schema=False)
    web.add_route("/health/ready", ready, include_in_schema=False)
    web.add_route("/health/workers", workers, include_in_schema=False)
    meter = _meter(app) if metrics else None
    if metrics and app.running and app.watching.meter is None:
        _LOGGER.warning("there is no /metrics of %s: %s", app.name, _TOO_LATE)
        web.add_route("/metrics", _too_late, include_in_schema=False)
    elif meter is not None:

        async def numbers(request: Request) -> Response:
            live = app.running and hasattr(meter, "scrape")
            body, content_type = await meter.scrape() if live else meter.render()
            return Response(body, headers={"content-type": content_type})

        web.add_route("/metrics", numbers, include_in_schema=False)


async def _too_late(request: Request) -> Response:
    problem = problem_of_status(404, "nobody keeps the numbers of this application", hint=_TOO_LATE)
    return problem_response(problem, arrival_at(request.scope))


async def _readiness(app: App) -> dict[str, Any]:
    if not app.running:
        return {"status": "unready", "running": False, "away": [], "subscriptions": []}
    progress = await in_time(app.needed_progress)
    if progress is None:
        return {"status": "unready", "running": True, "away": await _away(app, needed=True), "subscriptions": []}
    subscriptions = [{"name": one.name, "lag": one.lag, "failures": one.failures} for one in progress]
    status = "superseded" if app.superseded else "unready" if app.overtaken else "ready"
    return {"status": status, "running": True, "away": [], "subscriptions": subscriptions}


async def _work(app: App) -> dict[str, Any]:
    progress = await in_time(app.progress) if app.running else ()
    stuck = progress is None or any(one.stuck(app.said.stuck_after) for one in progress)
    return {
        "status": "stopped" if not app.running else "stuck" if stuck else "working",
        "running": app.running,
        "away": await _away(app, needed=False) if progress is None else [],
        "workers": [
            {
                "name": one.name,
                "lag": one.lag,
                "waiting": round(one.waiting, 3),
                "still": round(one.still, 3),
                "parked": one.parked,
                "owned": bool(one.owner),
                "lease": one.lease,
                "failures": one.failures,
                "reason": one.reason,
            }
            for one in progress or ()
        ],
    }


async def _away(app: App, *, needed: bool) -> list[str]:
    return await in_time(partial(app.away, needed=needed)) or []  # it may be stopped meanwhile


def _meter(app: App) -> Any:
    """What renders the numbers: the application's own meter if it can, else ours where that is installed."""
    if app.watching.meter is None and not app.running:
        with suppress(MissingExtraError):  # then nobody counts
            numbers = open_room("twofold.observability").PrometheusMeter
            app.observe(meter=numbers(handlers=app.router.handlers, progress=app.progress, queues=app.queues))
    return app.watching.meter if hasattr(app.watching.meter, "render") else None
