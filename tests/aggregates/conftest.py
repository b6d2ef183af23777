"""A store of each kind, in memory too: what is decided is the same in all of them."""

from pathlib import Path

import pytest

from examples._demo.database import PostgresSchema


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an application has its store: the test is run once for each kind."""
    match request.param:
        case "memory":
            return "memory:"
        case "sqlite":
            return str(tmp_path / "decided.db")
        case _:
            schema: PostgresSchema = request.getfixturevalue("postgres_schema")
            return schema.address
