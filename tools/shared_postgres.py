"""One PostgreSQL server for all processes of a test run: the first who asks starts it, and it ends after the last.

Every user holds a shared lock on the server's folder for as long as it lives; the system lets go of it, however the
user ends. An undertaker, a process of its own, waits for the exclusive lock, stops the server and deletes the folder.
"""

import fcntl
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from tools.postgres import Server, remove

GIVEN = "TWOFOLD_TEST_POSTGRES"
"""The environment variable with the URL of a server to use instead; its user must be allowed to create databases."""

_HASTE = {"fsync": "off", "full_page_writes": "off", "jit": "off", "check_function_bodies": "off"}
"""It is deleted after the run. What must survive the death of its server has a server of its own.

Each test makes all of twofold's functions; those of a server of its own are looked at when they are made.
"""
_MEMORY = Path("/dev/shm")  # noqa: S108  # the folder in it is ours alone
_ROOM = 2 << 30
_ROOT = Path(__file__).parent.parent


@asynccontextmanager
async def fresh_database() -> AsyncGenerator[str]:
    """An empty database, on the server that is shared by all who run tests; it is dropped after the block.

    Yields:
        Its URL.
    """
    url = shared_server()
    name = f"twofold_{secrets.token_hex(8)}"
    admin = await asyncpg.connect(url)
    try:
        await admin.execute(f"CREATE DATABASE {name}")
        try:
            yield urlsplit(url)._replace(path=f"/{name}").geturl()
        finally:
            await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


@cache
def shared_server() -> str:
    """The URL of the server that all processes of this run share; the first who asks starts it."""
    given = os.environ.get(GIVEN)
    if given:
        return given
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"process-{os.getpid()}")
    folder = _place() / f"twofold-postgres-{run}"
    server = Server(folder, **_HASTE)
    _stay(folder)
    with _turn(folder):
        if not server.running:
            _call_undertaker(folder)
            server.create()
            server.start()
    return server.url()


def _place() -> Path:
    """Memory, where the system has a folder in it with enough room: whatever each test makes and drops costs less."""
    if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM:
        return _MEMORY
    return Path(tempfile.gettempdir())


def _stay(folder: Path) -> None:
    """Keep the folder from being deleted for as long as this process lives."""
    while True:
        folder.mkdir(mode=0o700, exist_ok=True)
        held = os.open(folder, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_SH)
        if folder.exists() and os.path.samestat(os.fstat(held), folder.stat()):
            return
        os.close(held)  # it was deleted while we waited


@contextmanager
def _turn(folder: Path) -> Generator[None]:
    with (folder / "turn").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _call_undertaker(folder: Path) -> None:
    # It outlives whoever calls it: it must not hold their output open, nor be measured as a part of them.
    subprocess.run(
        [sys.executable, "-m", "tools.shared_postgres", str(folder)],
        cwd=_ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        check=True,
    )


def _bury(folder: Path) -> None:
    waiting = os.open(folder, os.O_RDONLY)
    if os.fork():  # the caller need not wait, nor bury the undertaker
        return
    fcntl.flock(waiting, fcntl.LOCK_EX)
    remove(Server(folder), folder)


if __name__ == "__main__":
    _bury(Path(sys.argv[1]))
