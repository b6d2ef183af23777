"""The PostgreSQL servers that tests run against."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from tools.postgres import Server, private_server
from tools.shared_postgres import GIVEN, fresh_database

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]

USER = """
import asyncio, asyncpg, sys
from tools.shared_postgres import shared_server

async def main():
    connection = await asyncpg.connect(shared_server())
    print(await connection.fetchval("SELECT pg_postmaster_start_time()::text"), shared_server(), flush=True)
    sys.stdin.read()

asyncio.run(main())
"""


async def test_each_test_has_a_database_of_its_own() -> None:
    """Two databases of one server know nothing of each other, and are gone after their blocks."""
    async with fresh_database() as one, fresh_database() as other:
        connections = [await asyncpg.connect(one), await asyncpg.connect(other)]
        for connection in connections:
            await connection.execute("CREATE TABLE here (id int)")
        assert connections[0].get_server_version().major >= 16
    assert all(connection.is_closed() for connection in connections)
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(one)


def test_processes_share_a_server_that_outlives_none_of_them() -> None:
    """The first starts it, the others find it; when the last is killed, neither process nor folder is left."""
    environment = {**os.environ, "PYTEST_XDIST_TESTRUNUID": f"shared-{os.getpid()}"}
    environment.pop(GIVEN, None)
    users = [
        subprocess.Popen(
            [sys.executable, "-c", USER],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    said = [user.stdout.readline() for user in users if user.stdout]
    assert len(set(said)) == 1
    folder = Path(said[0].strip().partition("host=")[2])
    watching = os.open(folder, os.O_RDONLY)
    for user in users:
        assert folder.exists()
        user.kill()
        user.communicate()
    while folder.exists():  # the undertaker holds the lock until it is done
        fcntl.flock(watching, fcntl.LOCK_SH)
        fcntl.flock(watching, fcntl.LOCK_UN)
    os.close(watching)


async def test_a_server_that_was_killed_comes_back_with_what_was_committed() -> None:
    """SIGKILL ends every connection; the same address answers again, with all that was acknowledged."""
    with private_server(max_connections=20, wal_level="logical") as server:
        connection = await asyncpg.connect(server.url())
        await connection.execute("CREATE TABLE kept (id int)")
        assert await connection.fetchval("SHOW max_connections") == "20"
        await connection.execute("BEGIN; INSERT INTO kept VALUES (1); COMMIT; BEGIN; INSERT INTO kept VALUES (2)")
        server.kill()
        assert not server.running
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await connection.execute("COMMIT")
        connection.terminate()
        server.start()
        connection = await asyncpg.connect(server.url())
        assert await connection.fetch("SELECT id FROM kept") == [(1,)]
        server.stop()
        connection.terminate()


@pytest.mark.parametrize("end", [Server.stop, Server.kill, Server.url])
def test_nothing_is_left_of_a_server(end: Callable[[Server], object]) -> None:
    """Its folder is gone after the block, whatever happened to the server, even after an error."""
    used = list[Server]()

    def use() -> None:
        with private_server() as server:
            used.append(server)
            end(server)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        use()
    assert not used[0].running
    assert not Path(used[0].url().partition("host=")[2]).exists()


def test_what_it_trips_over_is_told() -> None:
    """A setting that PostgreSQL refuses comes back with its own words."""
    with pytest.raises(RuntimeError, match="unrecognized configuration parameter"), private_server(nothing=1):
        pass
