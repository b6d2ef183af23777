"""A lean HTTP/1.1 client that keeps its connections: several ask, each sends when it has got its answer.

It shares two cores with the server, so it does nothing but count: no streams, no futures, no headers but the length.
"""

import asyncio
import re
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from benchmarks.figures import Run

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_PATIENCE = 60.0
_END = b"\r\n\r\n"


def get(path: str, **headers: str) -> bytes:
    """A request without a body."""
    return _head("GET", path, headers) + _END


def post(path: str, body: bytes, *, method: str = "POST", **headers: str) -> bytes:
    """A request with a JSON body."""
    said = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    return _head(method, path, said) + _END + body


def _head(method: str, path: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "host: localhost", *(f"{name}: {said}" for name, said in headers.items())]
    return "\r\n".join(lines).encode()


class Client:
    """Sends requests to one address, over connections that it keeps until `close`."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connections: list[_Connection] = []
        self.answers: list[bytes] = []

    async def send(self, requests: Sequence[bytes], *, clients: int) -> Run:
        """Send all of them, and keep the bodies of the answers, in no order.

        Raises:
            RuntimeError: An answer was no success, or the server has closed a connection.
            TimeoutError: The answers did not come within a minute.
        """
        loop = asyncio.get_running_loop()
        while len(self._connections) < clients:
            self._connections.append((await loop.create_connection(_Connection, "127.0.0.1", self._port))[1])
        self.answers = []
        waiting = iter(requests)
        used = self._connections[:clients]
        started = time.perf_counter()
        done = [connection.start(waiting, self.answers) for connection in used]
        async with asyncio.timeout(_PATIENCE):
            await asyncio.gather(*done)
        seconds = time.perf_counter() - started
        return Run(len(requests), seconds, [one for connection in used for one in connection.latencies])

    async def close(self) -> None:
        """Close the connections; uvloop must not be closed before them."""
        await asyncio.gather(*(connection.close() for connection in self._connections))


class _Connection(asyncio.Protocol):
    """One client: sends the next request when the answer to the last is complete."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self._waiting: Iterator[bytes] = iter(())
        self._answers: list[bytes] = []
        self._got = b""
        self._sent = 0.0
        self._done: asyncio.Future[None] | None = None
        self._lost = asyncio.Event()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own derives from nothing
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start(self, waiting: Iterator[bytes], answers: list[bytes]) -> asyncio.Future[None]:
        """Send until nothing waits; done by then."""
        self.latencies, self._waiting, self._answers = [], waiting, answers
        done = self._done = asyncio.get_running_loop().create_future()
        self._next(done)
        return done

    def data_received(self, data: bytes) -> None:
        got = self._got = self._got + data if self._got else data
        head, end, body = got.partition(_END)
        if not end:
            return
        length = _LENGTH.search(head)
        if len(body) < (int(length[1]) if length else 0):
            return
        self.latencies.append(time.perf_counter() - self._sent)
        if head[9:10] != b"2":
            self._fail(got.decode("latin-1"))
        elif self._done is not None:
            self._answers.append(body)
            self._next(self._done)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()
        self._fail(f"the connection was lost: {exc}")

    async def close(self) -> None:
        """Close the connection, and wait until it is."""
        if self._transport is not None:
            self._transport.close()
            await self._lost.wait()

    def _next(self, done: asyncio.Future[None]) -> None:
        request = next(self._waiting, None)
        if request is None or self._transport is None:
            done.set_result(None)
            return
        if self._transport.is_closing():
            done.set_exception(RuntimeError("the server has closed the connection"))
            return
        self._got = b""
        self._sent = time.perf_counter()
        self._transport.write(request)

    def _fail(self, why: str) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(RuntimeError(why))
