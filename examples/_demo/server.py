"""An example as a running service: `twofold run` as a process of its own, on a free port, with a log file to show."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, final

import httpx

from examples._demo.database import Database

_ROOT: Final = Path(__file__).resolve().parent.parent.parent
_SERVING: Final = re.compile(r"serving \S+ on (http://[0-9.:]+)\s")
_START_TIMEOUT = 30.0
_STOP_TIMEOUT = 20.0
_POLL = 0.05


WRONG_ANSWER: Final = (httpx.HTTPError, LookupError, TypeError, ValueError)
"""What a client trips over when a server does not answer as it should."""


class ServerDied(Exception):
    """The server ended by itself; the text is the end of its log."""


class NotCaughtUp(Exception):
    """The read models did not catch up in time; the text says which, and how far they are behind."""


@final
class Server:
    """One run of `twofold run`; leaving the block drains and stops it.

    Args:
        target: The application, `module:app`.
        database: Where it keeps everything.
        log: The file that its output is added to.
        level: The lowest level that it logs.
    """

    def __init__(self, target: str, *, database: Database, log: Path, level: str = "warning") -> None:
        self._target = target
        self._database = database
        self._log = log
        self._level = level
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        command = [sys.executable, "-m", "twofold", "run", self._target, "--port", "0"]
        command += ["--database", self._database.address, "--log-level", self._level]
        with self._log.open("ab") as output:
            start = output.tell()
            self._process = subprocess.Popen(  # noqa: ASYNC220, S603  # our own command; starting it does not block
                command,
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=_environment(),
            )
        try:
            async with asyncio.timeout(_START_TIMEOUT):
                while not self.url:
                    self.check()
                    found = _SERVING.search(self._log.read_bytes()[start:].decode(errors="replace"))
                    self.url = found.group(1) if found else ""
                    await asyncio.sleep(_POLL)
        except TimeoutError:
            self.kill()
            raise ServerDied(self.log_tail()) from None
        except BaseException:
            self.kill()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(process.wait, _STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it with SIGKILL, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def check(self) -> None:
        """Say so if it is gone.

        Raises:
            ServerDied: It is.
        """
        if self._process is None or self._process.poll() is not None:
            raise ServerDied(self.log_tail())

    def log_tail(self, lines: int = 40) -> str:
        """The end of its log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])

    async def events(self) -> int:
        """How many events its log holds, read from the database and past the server."""
        ((count,),) = await self._database.rows("SELECT count(*) FROM twofold_events")
        return int(count)

    def client(self, *, connections: int = 16) -> httpx.AsyncClient:
        """A client that speaks to it, and to nothing in between."""
        return client_of(self.url, connections=connections)


def client_of(url: str, *, connections: int = 16) -> httpx.AsyncClient:
    """A client that speaks to a server, and to nothing in between."""
    # The server closes what has been idle for 5 s: a request that is sent at that moment would get no answer.
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=2.0)
    return httpx.AsyncClient(base_url=url, limits=limits, timeout=30.0, trust_env=False)


async def subscriptions(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    """Where the projections and reactions of a server stand, as its readiness says."""
    answer = await client.get("/health/ready")
    found: list[dict[str, Any]] = answer.json()["subscriptions"]
    return found


async def caught_up(client: httpx.AsyncClient, *, timeout: float = 30.0) -> None:
    """Wait until no subscription is behind.

    Args:
        client: Speaks to the server.
        timeout: How long to wait, in seconds.

    Raises:
        NotCaughtUp: One still is.
    """
    behind: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(timeout):
            while behind := [each for each in await subscriptions(client) if each["lag"]]:  # noqa: ASYNC110  # another process
                await asyncio.sleep(_POLL)
    except TimeoutError:
        raise NotCaughtUp(", ".join(f"{each['name']}: {each['lag']} behind" for each in behind)) from None


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONUNBUFFERED": "1"}
