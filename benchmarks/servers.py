"""Servers in processes of their own, all with the same settings: `python -m benchmarks.servers <module> <socket>`.

The parent opens the socket, so nobody has to look for a free port or wait until somebody listens.
"""

import asyncio
import gc
import importlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import uvicorn

T = TypeVar("T")

_ROOT = Path(__file__).parent.parent
_NOTHING = b"HTTP/1.1 204 No Content\r\n\r\n"


@contextmanager
def served(module: str, database: Path | None = None) -> Generator[int]:
    """Serve a module's `asgi` while the block runs; gives the port.

    Args:
        module: Its name in this folder; `nothing` for a server that answers without reading.
        database: The file that it is given in `BENCHMARK_DATABASE`.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
        environment = {**os.environ, "BENCHMARK_DATABASE": str(database)}
        command = [sys.executable, "-m", "benchmarks.servers", module, str(listening.fileno())]
        server = subprocess.Popen(command, cwd=_ROOT, env=environment, pass_fds=[listening.fileno()])
        try:
            yield listening.getsockname()[1]
        finally:
            server.terminate()
            server.wait(timeout=30)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The event loop that uvicorn chooses."""
    return uvicorn.Config("").get_loop_factory()


def run(measuring: Coroutine[Any, Any, T]) -> T:
    """Run a measurement in such an event loop, as `twofold run` runs an application."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(measuring)


def _serve(module: str, listening: socket.socket) -> None:
    if module == "nothing":
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(_serve_nothing(listening))
        return
    asgi = importlib.import_module(f"benchmarks.{module}").asgi
    # The client keeps its connections while others are asked: longer than the five seconds that uvicorn would wait.
    config = uvicorn.Config(asgi, access_log=False, log_level="warning", lifespan="on", timeout_keep_alive=600)
    _Server(config).run(sockets=[listening])


class _Server(uvicorn.Server):
    """Leaves alone what was imported when it collects garbage, as `twofold run` does: for twins too."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.freeze()


class _Nothing(asyncio.Protocol):
    """Answers whatever comes, at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(_NOTHING)


async def _serve_nothing(listening: socket.socket) -> None:
    server = await asyncio.get_running_loop().create_server(_Nothing, sock=listening)
    await server.serve_forever()


if __name__ == "__main__":
    _serve(sys.argv[1], socket.socket(fileno=int(sys.argv[2])))
