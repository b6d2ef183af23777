"""Where examples keep everything: a file of SQLite for each, or a schema of one PostgreSQL database for each."""

import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import asyncpg

from tools.postgres import private_server


class Database(Protocol):
    """The database of one example."""

    @property
    def address(self) -> str:
        """What `twofold run` is told."""
        ...

    async def rows(self, statement: str) -> Sequence[Sequence[Any]]:
        """What a query finds, past the server."""
        ...


Databases: TypeAlias = Callable[[str], Database]
"""Finds the database of an example by its name."""


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """A file; it need not exist yet.

    Args:
        path: Where it is.
    """

    path: Path

    @property
    def address(self) -> str:
        """Its path."""
        return str(self.path)

    async def rows(self, statement: str) -> Sequence[Sequence[Any]]:
        """What a query finds in the file."""
        with closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            found: list[tuple[Any, ...]] = connection.execute(statement).fetchall()
        return found


@dataclass(frozen=True, slots=True)
class PostgresSchema:
    """A schema in a PostgreSQL database; it need not exist yet.

    Args:
        url: How to reach the database.
        name: The name of the schema.
    """

    url: str
    name: str

    @property
    def address(self) -> str:
        """The URL, which names the schema too."""
        return f"{self.url}{'&' if '?' in self.url else '?'}schema={self.name}"

    async def rows(self, statement: str) -> Sequence[Sequence[Any]]:
        """What a query finds in the schema."""
        untyped: Any = asyncpg
        connection = await untyped.connect(self.url, server_settings={"search_path": self.name})
        try:
            found: Sequence[Sequence[Any]] = await connection.fetch(statement)
            return found
        finally:
            await connection.close()


@contextmanager
def databases(wanted: str | None, first: str, folder: Path) -> Generator[Databases]:
    """The databases of the examples, for a block.

    Args:
        wanted: The file of the first example, which is kept; the URL of a PostgreSQL database, which is kept as well;
            `postgres` for a server that is gone after the block; None for files in the folder.
        first: The name of the first example.
        folder: Where files are made.
    """
    if wanted == "postgres":
        with private_server() as server:
            yield lambda name: PostgresSchema(server.url(), name)
    elif wanted is not None and wanted.startswith(("postgresql://", "postgres://")):
        yield lambda name: PostgresSchema(wanted, name)
    else:
        given = None if wanted is None else Path(wanted)
        yield lambda name: SqliteFile(given if given is not None and name == first else folder / f"{name}.db")
