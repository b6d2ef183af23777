"""The tables of the store, as numbered steps; each database remembers how many of them it has taken.

The only index beside the primary keys is the one that makes two writers of one version impossible. Reading by type
scans positions, which a follower goes through in order anyway; an index on types would cost every append.
"""

import secrets

from twofold.drivers.sqlite._guard import BEGIN_WRITE, COMMIT, GuardedConnection
from twofold.errors import WiringError

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
)


def upgrade(connection: GuardedConnection) -> None:
    """Bring the tables up to date; safe when several processes do it at once.

    Raises:
        WiringError: The database was made by a newer twofold.
    """
    connection.execute(BEGIN_WRITE)
    try:
        taken = _taken(connection)
        if taken > len(STEPS):
            raise WiringError(f"the database has schema {taken}, and this twofold knows {len(STEPS)}: upgrade twofold")
        for step in STEPS[taken:]:
            for statement in step:
                connection.execute(statement.replace("{epoch}", secrets.token_hex(16)))
        connection.execute("REPLACE INTO twofold_meta (name, value) VALUES ('schema', ?)", (str(len(STEPS)),))
        connection.execute(COMMIT)
    finally:
        connection.roll_back()


def _taken(connection: GuardedConnection) -> int:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS twofold_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
    )
    row = connection.execute("SELECT value FROM twofold_meta WHERE name = 'schema'").fetchone()
    return int(row[0]) if row else 0
