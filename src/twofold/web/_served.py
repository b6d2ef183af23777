"""FastAPI as it serves an application: requests go past its outermost layers where those have nothing to do.

They end errors that nobody inside has ended, bound bodies, and ask whether somebody traces; together that takes a tenth
of a query. The reception inside them ends every error itself, and bodies have bounds of their own.
"""

import time
from typing import Any, Final, cast, final

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from twofold.web._reception import Reception

LOOK_AGAIN: Final = 1.0
"""How long somebody may go unnoticed who begins to trace while requests are served, in seconds."""


@final
class Served(FastAPI):
    """A FastAPI application with a reception."""

    _straight: ASGIApp | None = None
    _until = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or "app" in scope or self.root_path or (straight := self._reception()) is None:
            await super().__call__(scope, receive, send)
            return
        scope["app"] = self
        await straight(scope, receive, send)

    def _reception(self) -> ASGIApp | None:
        """What is inside the outermost layers; None where one of them, or one of somebody else's, is wanted."""
        now = time.monotonic()
        if now >= self._until and self.middleware_stack is not None:
            self._straight, self._until = self._look(self.middleware_stack), now + LOOK_AGAIN
        return self._straight

    def _look(self, layer: Any) -> ASGIApp | None:
        known = vars(self)  # older versions bound and trace nothing
        telemetry, bound = known.get("_native_telemetry"), known.get("max_body_size")
        outermost = cast("object", self.user_middleware[0].cls)
        if outermost is not Reception or bound is not None or (telemetry is not None and telemetry.enabled()):
            return None
        while layer is not None and not isinstance(layer, Reception):
            layer = getattr(layer, "app", None)
        return layer
