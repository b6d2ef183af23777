"""A PostgreSQL database for each test: a schema of its own in the one database of the process, since that is quick.

Nothing here is async: that would tie all tests to one event loop, also those that choose their own.
"""

import asyncio
import gc
import os
import re
import secrets
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any, Final, TypeAlias

import asyncpg
import pytest
from fakeredis import TcpFakeServer
from hypothesis import settings

import examples
import twofold
from examples._demo.database import Database, PostgresSchema, SqliteFile
from tests.adapters import make_once
from tools import redis_server
from tools.coverage_tracer import keep_greenlets, untraced
from tools.nats_server import NatsServer, running
from tools.redis_server import RedisServer
from tools.shared_postgres import fresh_database

Execute: TypeAlias = Callable[[str], object]

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("twofold", deadline=None)
settings.load_profile("twofold")

keep_greenlets()
make_once()

# Each client over HTTP reads certificates first, for ten times what a request takes; nobody here speaks TLS.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = str(Path(__file__).parent)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Trace no test that runs what others run: tracing doubles what a test costs."""
    with untraced() if _runs_nothing_new(item) else nullcontext():
        return (yield)


def _runs_nothing_new(item: pytest.Item) -> bool:
    """Whether it drives whole applications, or is run on SQLite too; what is below `drivers` tells the two apart.

    Nor does hypothesis, which takes the same lines hundreds of times: each of them has plain tests beside it.
    """
    if item.get_closest_marker("hypothesis") is not None:
        return True
    room = item.path.relative_to(Path(__file__).parent).parts[0]
    return room in _WHOLE or (room != "drivers" and _POSTGRES.search(item.name) is not None)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Trace in one worker what is imported of ours, and not how tests are collected: that takes twice as long.

    What is collected stays: until it is all there, nobody has to look for garbage in it again and again.
    """
    gc.disable()
    if sys.gettrace() is not None and not _hands_out(session) and os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0":
        for package in (twofold, examples):
            for module in walk_packages(package.__path__, f"{package.__name__}."):
                if not module.name.endswith("__main__"):
                    import_module(module.name)
    try:
        with untraced():
            return (yield)
    finally:
        gc.enable()


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Trace nothing where tests are handed out to workers."""
    with untraced() if _hands_out(session) else nullcontext():
        return (yield)


def _hands_out(session: pytest.Session) -> bool:
    return bool(session.config.getoption("dist", "no") != "no")


_WHOLE: Final = ("architecture", "benchmarks", "docs", "flows", "systems", "tools", "typing")
_POSTGRES: Final = re.compile(r"\[(.*-)?postgres(-.*)?\]$")


def pytest_collection_finish() -> None:
    """Leave what the tests are made of out of every later collection of garbage, which took a second each.

    What tests leave behind is looked through less often than Python does by itself: most of it is no garbage.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let coverage follow into the processes of `twofold run`'s tests, and no others: it doubles what each costs."""
    if request.path.name != "test_run.py":
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.fixture(scope="session")
def postgres_admin() -> Generator[tuple[str, Execute]]:
    """The URL of the database, and what executes a statement there, on a connection that stays open."""
    with asyncio.Runner() as runner:
        database = fresh_database()
        url = runner.run(database.__aenter__())
        connection = runner.run(_connect(url))
        yield url, lambda statement: runner.run(connection.execute(statement))
        runner.run(connection.close())
        runner.run(database.__aexit__(None, None, None))


@pytest.fixture(scope="session")
def postgres_database(postgres_admin: tuple[str, Execute]) -> str:
    url, _ = postgres_admin
    return url


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[NatsServer]:
    """A server of NATS with JetStream, for all who do it no harm; a message has at most 64 KiB."""
    with running(tmp_path_factory.mktemp("nats"), "max_payload: 65536") as server:
        yield server


@pytest.fixture
def postgres_schema(postgres_admin: tuple[str, Execute]) -> Generator[PostgresSchema]:
    """An empty schema, which is dropped afterwards."""
    url, execute = postgres_admin
    schema = f"test_{secrets.token_hex(8)}"
    execute(f"CREATE SCHEMA {schema}")
    yield PostgresSchema(url, schema)
    execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture
def postgres_url(postgres_schema: PostgresSchema) -> str:
    """Where a test finds its schema, also without twofold."""
    url = postgres_schema.url
    return f"{url}{'&' if '?' in url else '?'}search_path={postgres_schema.name}"


@pytest.fixture
def owner_url(
    postgres_admin: tuple[str, Execute], postgres_schema: PostgresSchema, postgres_url: str
) -> Generator[str]:
    """The same schema, for a role that owns what it makes there, and is no superuser."""
    _, execute = postgres_admin
    role = f"{postgres_schema.name}_owner"
    execute(f"CREATE ROLE {role}")
    execute(f"GRANT ALL ON SCHEMA {postgres_schema.name} TO {role}")
    yield f"{postgres_url}&role={role}"
    execute(f"DROP OWNED BY {role} CASCADE")
    execute(f"DROP ROLE {role}")


@pytest.fixture(params=["sqlite", "postgres"])
def each_database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """An empty database of each kind: the test is run once for each."""
    if request.param == "sqlite":
        return SqliteFile(tmp_path / "shop.db")
    schema: PostgresSchema = request.getfixturevalue("postgres_schema")
    return schema


async def _connect(url: str) -> Any:
    untyped: Any = asyncpg
    return await untyped.connect(url)


@pytest.fixture
def redis_url() -> Generator[str]:
    """A Redis with nothing in it: a real one where it is installed, and where not a server that speaks it, with Lua."""
    if redis_server.PROGRAM is not None:
        with redis_server.running() as real:
            yield real.url
        return
    server = TcpFakeServer(("127.0.0.1", 0), server_type="redis")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"redis://127.0.0.1:{server.server_address[1]}/0"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def real_redis() -> Generator[RedisServer]:
    """A Redis to kill and to freeze."""
    if redis_server.PROGRAM is None:
        pytest.skip("redis-server is not installed")
    with redis_server.running() as server:
        yield server
