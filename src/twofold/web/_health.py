"""Whether the application lives, whether it is ready, and its numbers: for whoever operates it.

Says nothing that a stranger may not know: names, lags and counts, and never the text of an error.
"""

import importlib.util
from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from twofold.app import App, open_room
from twofold.errors import TwofoldError


def _told(description: str, *members: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {name: _MEMBERS[name] for name in members}, "required": [*members]}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


_MEMBERS: Final = {
    "status": {"type": "string"},
    "running": {"type": "boolean"},
    "subscriptions": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "lag": {"type": "integer"}, "failures": {"type": "integer"}},
            "required": ["name", "lag", "failures"],
        },
    },
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
                "200": _told("It does", "status", "running", "subscriptions"),
                "503": _told("Not now", "status", "running", "subscriptions"),
            },
        }
    },
}
"""The same in the API document."""


def add_health(app: App, web: FastAPI) -> None:
    """Serve `/health/live` and `/health/ready`, and `/metrics` where there is something that renders them.

    Args:
        app: The application.
        web: Where they are served.
    """

    async def live(request: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def ready(request: Request) -> Response:
        body = await _readiness(app)
        return JSONResponse(body, status_code=200 if body["status"] == "ready" else 503)

    web.add_route("/health/live", live, include_in_schema=False)
    web.add_route("/health/ready", ready, include_in_schema=False)
    meter = _meter(app)
    if meter is not None:

        async def metrics(request: Request) -> Response:
            live = app.running and hasattr(meter, "scrape")
            body, content_type = await meter.scrape() if live else meter.render()
            return Response(body, headers={"content-type": content_type})

        web.add_route("/metrics", metrics, include_in_schema=False)


async def _readiness(app: App) -> dict[str, Any]:
    if not app.running:
        return {"status": "unready", "running": False, "subscriptions": []}
    try:
        progress = await app.progress()
    except TwofoldError:
        return {"status": "unready", "running": True, "subscriptions": []}
    subscriptions = [{"name": one.name, "lag": one.lag, "failures": one.failures} for one in progress]
    status = "superseded" if app.superseded else "ready"
    return {"status": status, "running": True, "subscriptions": subscriptions}


def _meter(app: App) -> Any:
    """What renders the numbers: the application's own meter if it can, else Prometheus's where that is installed."""
    if app.meter is None and not app.running and importlib.util.find_spec("prometheus_client") is not None:
        observability = open_room("twofold.observability")
        app.observe(meter=observability.PrometheusMeter(handlers=app.router.handlers, progress=app.progress))
    return app.meter if hasattr(app.meter, "render") else None
