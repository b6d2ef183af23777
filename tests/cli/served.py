"""Running `twofold run` in a process of its own: as its users do, or as a fork of one that has imported everything."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from tests.cli.forked import Forked

ROOT = Path(__file__).parents[2]
BOUND = 60.0


class Served:
    """A `twofold run` on a free port, from the start of the process to its end.

    Args:
        arguments: What follows `twofold run`.
        folder: Where its output goes.
        where: The folder that it runs in.
        forked: Whether it is forked, for tests that are not about how it starts.
        env: Its environment, if that is not this one.
    """

    def __init__(
        self,
        *arguments: str,
        folder: Path,
        where: Path = ROOT,
        forked: bool = True,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._out, self._err = folder / "stdout", folder / "stderr"
        words = ["-m", "twofold", "run", *arguments, "--port", "0"]
        with self._out.open("w") as out, self._err.open("w") as err:
            self.process = (
                Forked(words, where=where, out=self._out, err=self._err, env=env)
                if forked
                else subprocess.Popen([sys.executable, *words], cwd=where, stdout=out, stderr=err, env=env)
            )

    def __enter__(self) -> Self:
        try:
            wait_until(lambda: bool(self.addresses) or self.process.poll() is not None, "it serves or has ended")
            assert self.addresses, self.errors
        except BaseException:
            self.__exit__(None, None, None)  # a block that is not entered is not left
            raise
        self.address = self.addresses[0]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def output(self) -> str:
        """Its standard output so far."""
        return self._out.read_text()

    @property
    def errors(self) -> str:
        """Its standard error so far."""
        return self._err.read_text()

    @property
    def addresses(self) -> list[str]:
        """The line that says where it serves."""
        return re.findall(r"^twofold: serving \w+ on (http://127\.0\.0\.1:\d+)$", self.output, re.MULTILINE)

    def command(self, name: str, **fields: object) -> httpx.Response:
        """Send a command."""
        return httpx.post(f"{self.address}/commands/{name}", json=fields, timeout=BOUND)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """Ask for a path."""
        return httpx.get(f"{self.address}{path}", headers=headers, timeout=BOUND)

    def signal(self, number: int = signal.SIGTERM) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def ended(self) -> int:
        """Wait for its end; the exit code."""
        return self.process.wait(BOUND)

    def accepts(self) -> bool:
        """Whether somebody still answers at the address."""
        try:
            self.get("/health/live")
        except httpx.TransportError:
            return False
        return True


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Ask again and again, until a bound."""
    deadline = time.monotonic() + BOUND
    while not condition():
        assert time.monotonic() < deadline, f"not so in {BOUND} s: {what}"
        time.sleep(0.03)  # a look may cost as much as what is waited for
