"""Schemas of the server that tests share."""

from urllib.parse import parse_qs, urlsplit

import asyncpg

from tools.shared_postgres import shared_server


def schema_of(url: str) -> str:
    """The schema in which a test's URL finds its tables."""
    return parse_qs(urlsplit(url).query)["search_path"][0]


async def drop_schema(name: str) -> None:
    """Drop a schema of the shared server with everything in it."""
    connection = await asyncpg.connect(shared_server())
    await connection.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")
    await connection.close()
