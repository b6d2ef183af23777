"""Python in a process of its own that need not import everything first, which takes a second of the processor.

Each is a fork of one process, which has imported what applications need, and none of them: for a test that is not about
how a process begins, it is the same. Coverage follows into those that are given its settings by their environment.
"""

import multiprocessing
import os
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType, TracebackType
from typing import Final, Self

import coverage

_MEASURED: Final = "COVERAGE_PROCESS_CONFIG"
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
        out: The file that its output goes to; or what it listens at, too.
        err: The file for what it says besides; unless given, that goes where this process has it.
        env: Its environment, if that is not this one.
    """

    def __init__(
        self,
        words: Sequence[str],
        *,
        where: Path,
        out: Path | socket.socket,
        err: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._words = words
        environment = dict(os.environ if env is None else env)
        self._process = _FORKS.Process(target=_be, args=(words, where, out, err, environment), daemon=True)
        with _unmeasured():
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


class Talking(Forked):
    """One that listens, and says something; to be asked as a `subprocess.Popen` with pipes is, for text.

    Args:
        words: What follows `python`.
        where: The folder that it runs in.
    """

    def __init__(self, *words: str, where: Path) -> None:
        self._ours, theirs = socket.socketpair()
        with theirs:
            super().__init__(words, where=where, out=theirs)
        self.stdin, self.stdout = self._ours.makefile("w"), self._ours.makefile("r")

    @property
    def returncode(self) -> int | None:
        """Its exit code, once it has ended."""
        return self.poll()

    def say(self, line: str) -> None:
        """Give it a line to read."""
        print(line, file=self.stdin, flush=True)

    def communicate(self) -> str:
        """What it says until it ends, once it is told no more."""
        self.stdin.flush()
        self._ours.shutdown(socket.SHUT_WR)
        said = self.stdout.read()
        self.wait(60)
        return said

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self.wait()
        with suppress(BrokenPipeError):
            self.stdin.close()
        self.stdout.close()
        self._ours.close()


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


def _be(
    words: Sequence[str], where: Path, out: Path | socket.socket, err: Path | None, environment: Mapping[str, str]
) -> None:
    for end, stream in ((out, sys.stdout), (err, sys.stderr)):
        if isinstance(end, socket.socket):
            os.dup2(end.fileno(), stream.fileno())
            sys.stdin = end.makefile("r")
            end.close()
        elif end is not None:
            file = os.open(end, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, stream.fileno())
            os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(where)
    sys.path.insert(0, str(where))
    option, what, *arguments = words
    sys.argv = [option, *arguments]
    with _measured():
        if option == "-m":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            main = sys.modules["__main__"] = ModuleType("__main__")
            exec(what, main.__dict__)


@contextmanager
def _unmeasured() -> Generator[None]:
    """The first fork brings the process that all others are forks of, which coverage must not follow into."""
    settings = os.environ.pop(_MEASURED, None)
    try:
        yield
    finally:
        if settings is not None:
            os.environ[_MEASURED] = settings


@contextmanager
def _measured() -> Generator[None]:
    """What Python does for coverage when it begins and ends, which a fork goes without."""
    measuring = coverage.process_startup()
    try:
        yield
    finally:
        if measuring is not None:
            measuring.stop()
            measuring.save()
