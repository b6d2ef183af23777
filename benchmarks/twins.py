"""What the twins by hand share: a plain sqlite3 connection as the SQLite driver opens its own, and the driver's rows.

The twins execute the statements that the driver executes, over the tables that it has made.
"""

import asyncio
import sqlite3
from pathlib import Path

from twofold.drivers.sqlite import SqliteStore

VERSION = "SELECT max(version) FROM twofold_events WHERE stream = ?"
INSERT = (
    "INSERT INTO twofold_events (stream, version, id, type, schema_version, data, headers, time, tags)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

AUDIT = (
    "INSERT INTO twofold_audit (message, version, message_id, correlation_id, causation_id, user_id, tenant, payload,"
    " time, duration, outcome, code, position) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def made(path: Path) -> Path:
    """A file with the tables of the SQLite driver."""

    async def make() -> None:
        store = SqliteStore(path)
        await store.start()
        await store.stop()

    asyncio.run(make())
    return path


def connect(path: Path) -> sqlite3.Connection:
    """A connection with the settings of the driver's writer: WAL, and every commit on the disk."""
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=512, check_same_thread=False)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "fullfsync = ON", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(f"PRAGMA journal_size_limit = {64 * 1024 * 1024}")
    return connection
