"""NATS servers with JetStream for tests and benchmarks: real ones, whose binary a package from pip brings along.

A server lives in one folder, listens on a port of this machine that was free, and may be killed, frozen and started
again on the same port. It ends with the process that has started it, however that one ends.
"""

import asyncio
import json
import os
import signal
import subprocess
import sysconfig
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, final

import nats
import psutil
from nats.aio.client import Client

_GUARD: Final = '"$@" & server=$!; echo $server; read -r _; kill -9 $server; wait'
"""Runs the server until what stands at the other end of its input is gone."""


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
        self._guard: subprocess.Popen[str] | None = None
        self._pid = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"nats://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Start it, on the port that it had before, and wait until it takes connections."""
        ports = self._folder / "ports"
        ports.mkdir(exist_ok=True)
        lines = [
            f'listen: "127.0.0.1:{self._port}"',
            f'ports_file_dir: "{ports}"',
            f'jetstream {{ store_dir: "{self._folder}", max_mem: 64MB, max_file: 1GB }}',
            *self._settings,
        ]
        file = self._folder / "nats.conf"
        file.write_text("\n".join(lines))
        command = [_program(), "--config", str(file)]
        with (self._folder / "log").open("a") as log:
            self._guard = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD, "sh", *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        assert self._guard.stdout is not None
        self._pid = int(self._guard.stdout.readline())
        async with asyncio.timeout(30):
            while not (told := _told(ports, self._pid)):
                assert psutil.pid_exists(self._pid), (self._folder / "log").read_text()
                await asyncio.sleep(0.01)
        self._port = int(told.rpartition(":")[2])
        await (await self.client()).close()

    def signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self._pid, number)

    def kill(self) -> None:
        """End it, without a chance to do anything else; what it has confirmed is on the disk."""
        guard, self._guard = self._guard, None
        if guard is not None:
            assert guard.stdin is not None and guard.stdout is not None
            with suppress(ProcessLookupError):
                self.signal(signal.SIGKILL)
            guard.stdin.close()
            guard.wait()
            guard.stdout.close()

    async def client(self) -> Client:
        """A connection of its own, which knows nothing of twofold; to be closed."""
        return await nats.connect(self.url, connect_timeout=30)


@asynccontextmanager
async def running(folder: Path, *settings: str) -> AsyncGenerator[NatsServer]:
    """A server for a block.

    Args:
        folder: Where it keeps everything; it is there.
        settings: Lines of its configuration.
    """
    server = NatsServer(folder, *settings)
    await server.start()
    try:
        yield server
    finally:
        server.kill()


def _program() -> str:
    return str(Path(sysconfig.get_path("scripts")) / "nats-server")


def _told(folder: Path, pid: int) -> str:
    """Where the server of a process takes connections, as it says; empty as long as it has not."""
    file = folder / f"nats-server_{pid}.ports"
    with suppress(FileNotFoundError, json.JSONDecodeError):
        return str(json.loads(file.read_text())["nats"][0])
    return ""
