"""FastAPI past its outer layers, which take a tenth of a query over HTTP and would do nothing for it.

At each request they ask whether OpenTelemetry was set up, watch for a body that is too long where nothing bounds it,
and wait for errors that the reception has answered already. Here that is looked up once, when the application starts.
"""

import sys
from types import FunctionType
from typing import Any, Final, final

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from twofold.web._reception import Reception

_IDLE: Final = (
    ("starlette.middleware.errors", "ServerErrorMiddleware"),
    ("fastapi.telemetry._asgi", "ExceptionTelemetryMiddleware"),
    ("fastapi._body_limit", "AppBodyLimitMiddleware"),
)
_PROVIDERS: Final = {
    "opentelemetry.trace": "get_tracer_provider",
    "opentelemetry.metrics": "get_meter_provider",
    "opentelemetry._logs": "get_logger_provider",
}


@final
class Front(FastAPI):
    """FastAPI, whose requests come to the reception at once where nothing in front of it has to do with them.

    Below a path of another application, and where telemetry, a layer of somebody else's or a wrapper around FastAPI is,
    all is as in FastAPI.
    """

    _reception: Reception | None = None

    def begin(self) -> None:
        """Look for what is in front of the reception; when the application starts."""
        self._reception = None if _is_observed() or _is_wrapped() else _behind(self.middleware_stack)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if self._reception is None or scope["type"] != "http" or "app" in scope or self.root_path:
            await super().__call__(scope, receive, send)
            return
        scope["app"] = self
        await self._reception(scope, receive, send)


def _is_observed() -> bool:
    """Whether a provider of OpenTelemetry was set: all but those of its bare interfaces are one."""
    found: list[Any] = [getattr(sys.modules[name], ask)() for name, ask in _PROVIDERS.items() if name in sys.modules]
    return not all(type(provider).__module__.startswith(tuple(_PROVIDERS)) for provider in found)


def _is_wrapped() -> bool:
    """Whether somebody, as tools that report errors do, sees requests by what FastAPI and Starlette are called by."""
    calls = ((cls.__module__, vars(cls)["__call__"]) for cls in (FastAPI, Starlette))
    return not all(type(call) is FunctionType and call.__globals__["__name__"] == home for home, call in calls)


def _behind(layers: Any) -> Reception | None:
    """The reception, where nothing but layers that are idle is in front of it."""
    layer = layers
    while (type(layer).__module__, type(layer).__qualname__) in _IDLE:
        layer = layer.app
    return layer if isinstance(layer, Reception) else None
