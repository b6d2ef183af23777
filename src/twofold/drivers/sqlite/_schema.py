"""The tables of the store, as numbered steps; each database remembers how many of them it has taken.

The only index beside the primary keys is the one that makes two writers of one version impossible. Reading by type
scans positions, which a follower goes through in order anyway; an index on types would cost every append. Tags have a
table of their own, which only events with tags pay for: a decision reads the few events that carry its tags.
"""

import secrets
import sqlite3

from twofold.drivers.sqlite._guard import BEGIN_WRITE, COMMIT, GuardedConnection
from twofold.errors import StoreUnavailable, WiringError

STEPS = (
    (
        """CREATE TABLE twofold_events (
            position INTEGER PRIMARY KEY AUTOINCREMENT,
            stream TEXT NOT NULL,
            version INTEGER NOT NULL,
            id BLOB NOT NULL,
            type TEXT NOT NULL,
            schema_version INTEGER NOT NULL,
            data BLOB NOT NULL,
            headers TEXT NOT NULL,
            time INTEGER NOT NULL, -- microseconds since 1970, UTC
            tags TEXT NOT NULL,
            UNIQUE (stream, version)
        )""",
        "CREATE TABLE twofold_checkpoints (name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID",
        "INSERT INTO twofold_meta (name, value) VALUES ('epoch', '{epoch}')",
    ),
    (
        "ALTER TABLE twofold_checkpoints ADD COLUMN epoch TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE twofold_checkpoints ADD COLUMN owner TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE twofold_checkpoints ADD COLUMN token INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE twofold_checkpoints ADD COLUMN beat INTEGER NOT NULL DEFAULT 0",
        """CREATE TABLE twofold_parked (
            subscription TEXT NOT NULL,
            position INTEGER NOT NULL,
            stream TEXT NOT NULL,
            type TEXT NOT NULL,
            time INTEGER NOT NULL, -- microseconds since 1970, UTC
            cause TEXT NOT NULL,
            trace TEXT NOT NULL,
            attempts INTEGER NOT NULL,
            data BLOB,
            due INTEGER NOT NULL,
            PRIMARY KEY (subscription, position)
        )""",
        """CREATE TABLE twofold_tags (
            tag TEXT NOT NULL,
            position INTEGER NOT NULL,
            PRIMARY KEY (tag, position)
        ) WITHOUT ROWID""",
        "INSERT INTO twofold_tags (tag, position) SELECT DISTINCT value, position FROM twofold_events, json_each(tags)",
    ),
    (
        "ALTER TABLE twofold_checkpoints ADD COLUMN version INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE twofold_checkpoints ADD COLUMN tables TEXT NOT NULL DEFAULT '[]'",
    ),
)


def upgrade(connection: GuardedConnection) -> None:
    """Bring the tables up to date; safe when several processes do it at once.

    Raises:
        WiringError: The database was made by a newer twofold.
    """
    connection.execute(BEGIN_WRITE)
    try:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS twofold_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
        )
        taken = _taken(connection)
        for step in STEPS[taken:]:
            for statement in step:
                connection.execute(statement.replace("{epoch}", secrets.token_hex(16)))
        connection.execute("REPLACE INTO twofold_meta (name, value) VALUES ('schema', ?)", (str(len(STEPS)),))
        connection.execute(COMMIT)
    finally:
        connection.roll_back()


def prove_current(connection: GuardedConnection) -> None:
    """Prove that the tables are up to date, on a connection that cannot change them.

    Raises:
        StoreUnavailable: They are older, or not there.
        WiringError: The database was made by a newer twofold.
    """
    try:
        taken = _taken(connection)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
            raise
        taken = 0  # no such table
    if taken < len(STEPS):
        raise StoreUnavailable(f"the database has schema {taken} of {len(STEPS)}: a process that writes upgrades it")


def _taken(connection: GuardedConnection) -> int:
    row = connection.execute("SELECT value FROM twofold_meta WHERE name = 'schema'").fetchone()
    taken = int(row[0]) if row else 0
    if taken > len(STEPS):
        raise WiringError(f"the database has schema {taken}, and this twofold knows {len(STEPS)}: upgrade twofold")
    return taken
