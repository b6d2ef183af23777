"""NATS servers with JetStream for tests and benchmarks: real ones, whose binary a package from pip brings along.

A server lives in one folder, listens on a port of this machine that was free, and may be killed, frozen and started
again on the same port. It ends with the process that has started it, however that one ends.
"""

import json
import sysconfig
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import final

from tools.guarded import Guarded


@final
class NatsServer:
    """A server with a folder of its own.

    Args:
        folder: Where it keeps everything; it is there.
        settings: Lines of its configuration.
    """

    def __init__(self, folder: Path, *settings: str) -> None:
        self._folder = folder
        self._settings = settings
        self._port = -1
        self._running: Guarded | None = None
        self.pid = 0
        """The process that serves; 0 before there was one."""

    @property
    def url(self) -> str:
        """Its address."""
        return f"nats://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it, on the port that it had before, and wait until it takes connections.

        Raises:
            RuntimeError: It does not; with what it says.
        """
        ports, file = self._folder / "ports", self._folder / "nats.conf"
        ports.mkdir(exist_ok=True)
        lines = [
            f'listen: "127.0.0.1:{self._port}"',
            f'ports_file_dir: "{ports}"',
            f'jetstream {{ store_dir: "{self._folder}", max_mem: 64MB, max_file: 1GB }}',
            *self._settings,
        ]
        file.write_text("\n".join(lines))
        program = Path(sysconfig.get_path("scripts")) / "nats-server"
        self._running = running = Guarded([str(program), "--config", str(file)], self._folder / "log")
        self.pid, told = running.pid, ports / f"nats-server_{running.pid}.ports"
        running.wait_until(lambda: _told(told) != "")
        self._port = int(_told(told).rpartition(":")[2])

    def kill(self) -> None:
        """End it, without a chance to do anything else. Harmless when it is not running."""
        running, self._running = self._running, None
        if running is not None:
            running.kill()


@contextmanager
def running(folder: Path, *settings: str) -> Generator[NatsServer]:
    """A server for a block.

    Args:
        folder: Where it keeps everything; it is there.
        settings: Lines of its configuration.
    """
    server = NatsServer(folder, *settings)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def _told(file: Path) -> str:
    """Where a server takes connections, as it has written it down; empty as long as it has not."""
    with suppress(FileNotFoundError, json.JSONDecodeError):
        return str(json.loads(file.read_text())["nats"][0])
    return ""
