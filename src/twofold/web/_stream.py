"""One response of server-sent events: its frames, its heartbeat, and its ends.

See https://html.spec.whatwg.org/multipage/server-sent-events.html. Nothing is queued here: whoever has something to
tell waits until the client has room for it, for a bounded time.
"""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self, final

from starlette.types import Receive, Send

from twofold.web._streams import Streams

EVENT_STREAM: Final = b"text/event-stream"

LAST_SEEN: Final[Mapping[str, Any]] = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
    "description": "The id of the last event that was seen, of a stream that was broken off: it goes on behind it.",
}
"""The header of a request for a stream, as the API document describes it."""

_HEADERS: Final = [
    (b"content-type", EVENT_STREAM),
    (b"cache-control", b"no-store"),
    (b"vary", b"accept"),
    (b"x-accel-buffering", b"no"),
]
BEAT: Final = b":\n\n"


class Stalled(Exception):
    """A client takes nothing of what is sent."""


def frame(data: bytes, *, event: str = "", position: int | None = None) -> bytes:
    """One event.

    Args:
        data: JSON, in as many lines as it has.
        event: What it is called; `message` unless given.
        position: Its id, which a client that comes again sends as the last that it has seen.
    """
    lines = [b"data: " + line for line in data.splitlines()]
    if event:
        lines.insert(0, f"event: {event}".encode())
    if position is not None:
        lines.append(b"id: %d" % position)
    return b"\n".join(lines) + b"\n\n"


@final
class Stream:
    """A response that goes on until its client goes or it is told to end.

    Args:
        receive: Tells that the client has gone.
        send: Takes what is sent.
        ended: Set when it is to end; it sets that itself when the client has gone.
        settings: Its times.
    """

    def __init__(self, receive: Receive, send: Send, ended: asyncio.Event, settings: Streams) -> None:
        self._receive = receive
        self._send = send
        self._ended = ended
        self.settings = settings
        self._told = 0.0

    async def __aenter__(self) -> Self:
        await self._send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        self._watching = asyncio.create_task(self._watch(), name="twofold stream")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watching.cancel()
        await asyncio.wait({self._watching})
        if error is None:
            await self._send({"type": "http.response.body", "body": b""})

    @property
    def open(self) -> bool:
        """Whether it goes on."""
        return not self._ended.is_set()

    async def tell(self, told: bytes) -> None:
        """Send frames.

        Raises:
            Stalled: The client has not taken them in time.
        """
        try:
            async with asyncio.timeout(self.settings.patience):
                await self._send({"type": "http.response.body", "body": told, "more_body": True})
        except TimeoutError as error:
            raise Stalled from error
        self._told = asyncio.get_running_loop().time()

    async def beat(self, position: int | None = None) -> None:
        """Tell that it lives, when nothing else was told for long.

        Args:
            position: Up to where there was nothing to tell, for a client that comes again.
        """
        if asyncio.get_running_loop().time() - self._told >= self.settings.heartbeat:
            await self.tell(BEAT if position is None else b"id: %d\n\n" % position)

    async def rest(self, seconds: float) -> None:
        """Wait; not beyond its end."""
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            return

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._ended.set()
