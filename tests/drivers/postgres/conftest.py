"""A store with a schema of its own for each test; servers of their own only for those who stop or kill them."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import pytest

from tests.drivers.postgres.proxy import Proxy
from tests.drivers.postgres.schema import schema_of
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.postgres._append import Calls, calls
from twofold.drivers.postgres._names import Names
from twofold.testing._store_case import append

NewStore = Callable[..., PostgresStore]
Plain: TypeAlias = asyncpg.Connection
Connect = Callable[..., Coroutine[Any, Any, Plain]]
Open = Callable[..., Coroutine[Any, Any, Plain]]


@pytest.fixture
def new_store(postgres_url: str) -> NewStore:
    """Makes stores over one and the same schema."""
    return lambda **settings: PostgresStore(postgres_url, schema=schema_of(postgres_url), **settings)


@pytest.fixture
async def store(new_store: NewStore) -> AsyncIterator[PostgresStore]:
    """A new and empty store."""
    store = new_store()
    await store.start()
    yield store
    await store.stop()


@pytest.fixture
async def proxy(postgres_url: str) -> AsyncIterator[Proxy]:
    """Between a store and its server."""
    folder = Path(tempfile.mkdtemp(prefix="twofold-proxy-"))
    proxy = Proxy(folder, postgres_url)
    await proxy.open()
    yield proxy
    await proxy.close()
    shutil.rmtree(folder)


@pytest.fixture
async def behind(proxy: Proxy, postgres_url: str) -> AsyncIterator[PostgresStore]:
    """A store that reaches its server through the proxy, with an open connection that writes, and one that reads."""
    store = PostgresStore(proxy.url, schema=schema_of(postgres_url), readers=1, commit_timeout=5)
    await store.start()
    await store.commit(append("a"))
    yield store
    await store.stop()


@pytest.fixture
async def plain(postgres_url: str) -> AsyncIterator[Plain]:
    """The database, as another program sees it."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


@pytest.fixture
async def connect(postgres_url: str) -> AsyncIterator[Connect]:
    """Opens plain connections, and leaves none behind."""
    connections = list[Plain]()

    async def open_one(**settings: Any) -> Plain:
        connections.append(await asyncpg.connect(postgres_url, **settings))
        return connections[-1]

    yield open_one
    for connection in connections:
        connection.terminate()


@pytest.fixture
def calling(postgres_url: str) -> Calls:
    """What the store would send."""
    return calls(Names(schema_of(postgres_url)))


@pytest.fixture
def opened(connect: Connect, calling: Calls) -> Open:
    """Appends in a transaction that stays open, on a connection of its own."""

    async def begin(stream: str, count: int = 1, **settings: Any) -> Plain:
        connection = await connect(**settings)
        await connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
        await calling.of(append(stream, count)).send(connection)
        return connection

    return begin
