"""A real server in a thread, on a free port."""

import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import uvicorn

BOUND = 20.0


@contextmanager
def served(asgi: Any, **options: Any) -> Generator[tuple[str, uvicorn.Server]]:
    """Serve an ASGI application; its address, and the server.

    Args:
        asgi: The application.
        options: Settings of uvicorn.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(asgi, lifespan="on", ws="none", log_config=None, **options))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", server
    finally:
        server.should_exit = True
        thread.join(BOUND)
        listener.close()


def wait_until(true: Callable[[], bool]) -> None:
    """Look again and again until something is true."""
    end = time.monotonic() + BOUND
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.005)
