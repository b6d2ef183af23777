"""A server for tests and benchmarks that ends with the process that has started it, however that one ends."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, final

import psutil

_GUARD: Final = '"$@" & server=$!; echo $server; read -r _; kill -9 $server; wait'
"""Runs the server until whoever holds the other end of its input is gone."""
_BOUND: Final = 60.0


@final
class Guarded:
    """A server that has been started.

    Args:
        command: The program and its arguments.
        log: What it says goes to the end of this file.
    """

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._log = log
        with log.open("a") as told:
            self._guard = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD, "sh", *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=told,
                text=True,
                start_new_session=True,
            )
        self.pid = int(self._guard.stdout.readline()) if self._guard.stdout else 0
        """The process that serves."""

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Wait until something is so, a minute at most.

        Raises:
            RuntimeError: It has ended, or the time has; with what it says.
        """
        end = time.monotonic() + _BOUND
        while not ready():
            if time.monotonic() > end or psutil.Process(self.pid).status() == psutil.STATUS_ZOMBIE:
                raise RuntimeError(self._log.read_text())
            time.sleep(0.01)

    def kill(self) -> None:
        """End it, without a chance to do anything else."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self._guard.communicate()
