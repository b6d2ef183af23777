"""Databases of every kind, opened again and again as several processes do."""

from pathlib import Path

import pytest

from tests.app.versions import Open
from tests.drivers.postgres.schema import schema_of
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.sqlite import SqliteStore


@pytest.fixture(params=["sqlite", "postgres"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens one database as processes do that run at the same time."""
    if request.param == "sqlite":
        return lambda: SqliteStore(tmp_path / "till.db")
    url: str = request.getfixturevalue("postgres_url")
    return lambda: PostgresStore(url, schema=schema_of(url), pool_size=3, readers=2)
