"""Stands between a broker and its server, and may swallow what the server says; what the broker says goes through."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import final
from urllib.parse import urlsplit


@final
class Proxy:
    """Made by `through`."""

    def __init__(self, target: str) -> None:
        self.swallows = False
        """Whether nothing that the server says gets through any more."""
        self.swallowed = asyncio.Event()
        """Set when something did not."""
        self.url = ""
        self.connections = 0
        self.said = b""
        """What brokers have said, in all."""
        self._target = urlsplit(target)
        self._tasks = set[asyncio.Task[None]]()
        self._writers = list[asyncio.StreamWriter]()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a connection, and make one to the server."""
        self.connections += 1
        from_server, to_server = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._writers += [writer, to_server]
        for pump in (self._pump(reader, to_server, answers=False), self._pump(from_server, writer, answers=True)):
            task = asyncio.create_task(pump)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cut everybody off."""
        for writer in self._writers:
            writer.close()
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, answers: bool) -> None:
        with suppress(OSError):
            while said := await source.read(65536):
                if answers and self.swallows:
                    self.swallowed.set()
                    continue
                self.said += b"" if answers else said
                target.write(said)
            target.close()


@asynccontextmanager
async def through(target: str) -> AsyncIterator[Proxy]:
    """A proxy in front of a server, for a block."""
    proxy = Proxy(target)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.url = f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
