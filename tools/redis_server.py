"""Redis servers for tests: real ones, where `redis-server` is installed; no package from pip brings one along.

A server keeps what it has in memory only, and may be killed, frozen and started again at the same address.
"""

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, final

from redis import ConnectionError as NoConnection
from redis import Redis

from tools.guarded import Guarded

PROGRAM: Final = shutil.which("redis-server")
"""The program; None where it is not installed."""


@final
class RedisServer:
    """A server with a socket in a folder of its own.

    Args:
        folder: Where; it is there, and its path is short, as those of sockets have to be.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: Guarded | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"unix://{self._folder}/redis.sock?db=0"

    @property
    def pid(self) -> int:
        """The process that serves; 0 when none does."""
        return 0 if self._running is None else self._running.pid

    def start(self) -> None:
        """Start it, with nothing in it, and wait until it answers.

        Raises:
            RuntimeError: It does not; with what it says.
        """
        settings = {"port": "0", "unixsocket": f"{self._folder}/redis.sock", "save": "", "dir": str(self._folder)}
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        self._running = Guarded([PROGRAM or "redis-server", *words], self._folder / "log")
        self._running.wait_until(self._answers)

    def kill(self) -> None:
        """End it, without a chance to do anything else. Harmless when it is not running."""
        running, self._running = self._running, None
        if running is not None:
            running.kill()

    def _answers(self) -> bool:
        redis: Any = Redis  # whose from_url has half its types
        with redis.from_url(self.url) as client:
            try:
                return bool(client.ping())
            except NoConnection:
                return False


@contextmanager
def running() -> Generator[RedisServer]:
    """A server for a block."""
    with tempfile.TemporaryDirectory(prefix="twofold-redis-") as folder:
        server = RedisServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.kill()
