"""A client of server-sent events that talks to an application in this very task, and can be as slow as it likes."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

BOUND = 20.0


class StreamClient:
    """One request for a stream, and what has come of it."""

    def __init__(self, web: FastAPI, path: str, headers: Mapping[str, str]) -> None:
        path, _, query = path.partition("?")
        sent = {"accept": "text/event-stream", **headers}
        self._scope: dict[str, Any] = {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
            "client": (sent.get("from", "127.0.0.1"), 1),
            "app": web,
        }
        self._web = web
        self._left = asyncio.Event()
        self._parts = asyncio.Queue[bytes | None]()
        self._buffer = b""
        self.takes = asyncio.Event()
        self.takes.set()
        self.status = 0
        self.headers: dict[str, str] = {}
        self.answered = asyncio.Event()
        self.over = asyncio.Event()

    async def run(self) -> None:
        """Be served."""
        try:
            await self._web(self._scope, self._receive, self._send)
        finally:
            self.answered.set()
            self.over.set()
            self._parts.put_nowait(None)

    async def block(self) -> dict[str, str]:
        """The next block of lines, also one without an event; empty at the end."""
        async with asyncio.timeout(BOUND):
            while b"\n\n" not in self._buffer:
                part = await self._parts.get()
                if part is None:
                    return {}
                self._buffer += part
        block, _, self._buffer = self._buffer.partition(b"\n\n")
        fields = dict[str, str]()
        for line in block.decode().splitlines():
            name, _, value = line.partition(": ")
            fields[name] = f"{fields[name]}\n{value}" if name in fields else value
        return fields

    async def event(self) -> dict[str, str]:
        """The next event; empty at the end."""
        async with asyncio.timeout(BOUND):
            while fields := await self.block():
                if "data" in fields:
                    return fields
        return {}

    async def body(self) -> bytes:
        """All that came, once it is over."""
        async with asyncio.timeout(BOUND):
            await self.over.wait()
        while not self._parts.empty():
            self._buffer += self._parts.get_nowait() or b""
        return self._buffer

    async def leave(self) -> None:
        """Go, and see that nobody goes on serving."""
        self._left.set()
        async with asyncio.timeout(BOUND):
            await self.over.wait()

    async def _receive(self) -> dict[str, Any]:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Mapping[str, Any]) -> None:
        await self.takes.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.answered.set()
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        elif message.get("body"):
            self._parts.put_nowait(message["body"])


@asynccontextmanager
async def stream_of(web: FastAPI, path: str, **headers: str) -> AsyncGenerator[StreamClient]:
    """A stream that is open, or has been refused; it is left at the end."""
    client = StreamClient(web, path, {name.replace("_", "-"): value for name, value in headers.items()})
    task = asyncio.create_task(client.run())
    try:
        async with asyncio.timeout(BOUND):
            await client.answered.wait()
        yield client
    finally:
        client.takes.set()
        await client.leave()
        await task
