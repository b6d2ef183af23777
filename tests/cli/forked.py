"""Python in a process of its own that need not import everything first, which takes a second of the processor.

Each is a fork of one process, which has imported what applications need, and none of them: for a test that is not about
how a process begins, it is the same.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Final

_FORKS: Final = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "aiosqlite",
        "asyncpg",
        "fastapi.openapi.utils",
        "httpx",
        "sqlalchemy.ext.asyncio",
        "twofold.cli.serving",
        "twofold.drivers.postgres.sql",
        "twofold.drivers.sqlite.sql",
        "twofold.observability",
        "twofold.personal",
        "twofold.web",
        "uvloop",
        __name__,
    ]
)


class Forked:
    """A Python that is on its way; to be asked as a `subprocess.Popen` is.

    Args:
        words: What follows `python`: `-m`, a module and its arguments, or `-c` and a program.
        where: The folder that it runs in.
        out: The file that its output goes to.
        err: The file for what it says besides.
        env: Its environment, if that is not this one.
    """

    def __init__(
        self, words: Sequence[str], *, where: Path, out: Path, err: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self._words = words
        environment = dict(os.environ if env is None else env)
        self._process = _FORKS.Process(target=_be, args=(words, where, out, err, environment), daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        """Its exit code, once it has ended."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code; wait for it.

        Raises:
            subprocess.TimeoutExpired: It has not ended by then.
        """
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(list(self._words), timeout or 0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended: of which this process hears a moment after the pid is gone."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def finished(*words: str, where: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """One that ends by itself.

    Args:
        words: What follows `python`.
        where: The folder that it runs in.
        env: Its environment, if that is not this one.
    """
    with TemporaryDirectory() as place:
        out, err = Path(place, "out"), Path(place, "err")
        process = Forked(words, where=where, out=out, err=err, env=env)
        try:
            code = process.wait(300)
        finally:
            process.kill()
        return subprocess.CompletedProcess(list(words), code, out.read_text(), err.read_text())


def _be(words: Sequence[str], where: Path, out: Path, err: Path, environment: Mapping[str, str]) -> None:
    for path, stream in ((out, sys.stdout), (err, sys.stderr)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, stream.fileno())
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(where)
    sys.path.insert(0, str(where))
    option, what, *arguments = words
    sys.argv = [option, *arguments]
    if option == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        main = sys.modules["__main__"] = ModuleType("__main__")
        exec(what, main.__dict__)
