"""Serving an application with uvicorn until it is told to stop. Opened by `twofold run` only.

The port is taken before the store is opened, and connections are accepted once the application has started; on the way
down it is the other way round.
"""

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from contextvars import copy_context
from types import FrameType
from typing import Any, Final, final

import rich_click as click
import uvicorn
from fastapi import FastAPI

from twofold.cli._port import take, url_of

_LOGGER: Final = logging.getLogger("twofold.run")
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_TICKS: Final = 10
"""How often uvicorn ticks, in a second."""
_OTHER: Final = object()
"""In place of a request and its response: a web socket has none."""


def serve(asgi: FastAPI, *, name: str, host: str, port: int, connections: int, grace: int, docs: bool) -> None:
    """Serve until a signal says stop, then drain.

    Args:
        asgi: The application over HTTP; its lifespan starts and stops it.
        name: What it is called.
        host: The address.
        port: The port; 0 for a free one.
        connections: How many connections there may be at once; a request on one more is a 503.
        grace: How long requests in flight have to finish, in seconds.
        docs: Whether there is documentation to point to.

    Raises:
        PortInUse: Somebody else has the port.
        StoreUnavailable: The store cannot be opened.
        WiringError: The address is not one of this machine, or may not be used.
    """
    config = uvicorn.Config(
        asgi,
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        limit_concurrency=connections + 1,  # uvicorn counts the one that is refused
        timeout_graceful_shutdown=grace,
    )
    logging.getLogger("uvicorn.error").addFilter(_worth_a_line)
    with closing(take(host, port)) as taken, asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        server = _Server(config, name, docs=docs, drain=asgi.state.drain, patience=asgi.state.patience)
        runner.run(_run(asgi, server, taken))


async def _run(asgi: FastAPI, server: "_Server", taken: socket.socket) -> None:
    # Not left to uvicorn, which would log what goes wrong at the start and exit with a code of its own.
    with server.told_by_signals():
        async with asgi.router.lifespan_context(asgi):
            await server.serve(sockets=[taken])


def _worth_a_line(record: logging.LogRecord) -> bool:
    """All but the traceback of a request that was given up: its message has a line of its own."""
    return record.exc_info is None or not isinstance(record.exc_info[1], asyncio.CancelledError)


@final
class _Server(uvicorn.Server):
    """A server that says where it is; of signals, the first drains, the second hurries, the third kills."""

    def __init__(
        self, config: uvicorn.Config, name: str, *, docs: bool, drain: Callable[[], None], patience: float
    ) -> None:
        super().__init__(config)
        self._look = max(1, round(patience * _TICKS))
        self._idle: dict[Any, Any] = {}
        self._drain = drain
        self._name = name
        self._docs = docs
        self._before: dict[int, Any] = {}

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections, and say where."""
        await super().startup(sockets)
        gc.freeze()  # what has been imported stays: no collection has to look at it again while requests wait
        for taken in sockets or ():
            click.echo(f"twofold: serving {self._name} on {url_of(taken)}")
            if self._docs:
                click.echo(f"twofold: documentation at {url_of(taken)}/docs")

    async def on_tick(self, counter: int) -> bool:
        """Look at the connections, as often as a client may take to begin a request."""
        if counter % self._look == 0:
            self._let_go()
        return await super().on_tick(counter)

    def _let_go(self) -> None:
        """Close connections that are idle, as they were the last time, with no request begun in between."""
        before, self._idle = self._idle, {}
        for one in tuple[Any, ...](self.server_state.connections):
            cycle: Any = getattr(one, "cycle", _OTHER)
            if cycle is None or (cycle is not _OTHER and cycle.response_complete):
                self._idle[one] = cycle
                if one in before and before[one] is cycle:
                    one.transport.close()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals alone: they are heard before the server runs, and until the application has stopped."""
        yield

    @contextmanager
    def told_by_signals(self) -> Generator[None]:
        """Listen to signals."""
        loop, of_nobody = asyncio.get_running_loop(), copy_context()

        def hear(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self._told, context=of_nobody)

        for number in _SIGNALS:
            self._before[number] = signal.signal(number, hear)
        try:
            yield
        finally:
            self._listen_no_more()

    def _told(self) -> None:
        if not self.should_exit:
            _LOGGER.info("draining: finishing what is in flight")
            self.should_exit = True
            self._drain()
        else:
            _LOGGER.warning("hurrying: giving up what is in flight")
            for task in self.server_state.tasks:
                task.cancel()
            self._listen_no_more()

    def _listen_no_more(self) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before.clear()
