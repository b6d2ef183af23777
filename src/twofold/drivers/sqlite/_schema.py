"""The tables of the store, as numbered steps; each database remembers how many of them it has taken.

The only index beside the primary keys is the one that makes two writers of one version impossible. Reading by type
scans positions, which a follower goes through in order anyway; an index on types would cost every append. Tags have a
table of their own, which only events with tags pay for: a decision reads the few events that carry its tags.
"""

from collections.abc import Iterator
from inspect import cleandoc

from twofold.drivers.sqlite._audit_tables import AUDIT_TABLES, CUTS_OF_AUDIT
from twofold.drivers.sqlite._closing_tables import CLOSINGS
from twofold.drivers.sqlite._guard import COMMIT, GuardedConnection
from twofold.drivers.sqlite._replies import TABLE_OF_REPLIES
from twofold.drivers.sqlite._snapshots import TABLE_OF_SNAPSHOTS
from twofold.errors import StoreUnavailable
from twofold.store import SchemaState

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
        "INSERT INTO twofold_meta (name, value) VALUES ('epoch', lower(hex(randomblob(16))))",
    ),
    (
        "ALTER TABLE twofold_checkpoints ADD COLUMN epoch TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE twofold_checkpoints ADD COLUMN owner TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE twofold_checkpoints ADD COLUMN token INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE twofold_checkpoints ADD COLUMN beat INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE twofold_checkpoints ADD COLUMN version INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE twofold_checkpoints ADD COLUMN tables TEXT NOT NULL DEFAULT '[]'",
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
    TABLE_OF_REPLIES,
    AUDIT_TABLES,
    CUTS_OF_AUDIT,
    TABLE_OF_SNAPSHOTS,
    CLOSINGS,
)


def upgrade(connection: GuardedConnection) -> SchemaState:
    """Bring the tables up to date; safe when several processes do it at once.

    Returns:
        How far they were.

    Raises:
        WiringError: The database was made by a newer twofold.
    """
    connection.begin_write()
    try:
        found = state(connection)
        found.refuse_newer()
        for statement in _statements(found.taken):
            connection.execute(statement)
        connection.execute(COMMIT)
    finally:
        connection.roll_back()
    return found


def upgrade_sql(since: int) -> str:
    """What `upgrade` runs on a database that has taken so many steps, in one transaction.

    Raises:
        WiringError: There is no such step.
    """
    SchemaState(taken=since, known=len(STEPS)).prove_step(since)
    statements = ["BEGIN IMMEDIATE", *(cleandoc(one) for one in _statements(since)), "COMMIT"]
    return "".join(f"{one};\n" for one in statements) if since < len(STEPS) else ""


def state(connection: GuardedConnection) -> SchemaState:
    """How far the tables are."""
    meta = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'twofold_meta'").fetchone()
    row = meta and connection.execute("SELECT value FROM twofold_meta WHERE name = 'schema'").fetchone()
    return SchemaState(taken=int(row[0]) if row else 0, known=len(STEPS))


def prove_current(connection: GuardedConnection) -> None:
    """Prove that the tables are up to date, on a connection that cannot change them.

    Raises:
        StoreUnavailable: They are older, or not there.
        WiringError: The database was made by a newer twofold.
    """
    found = state(connection)
    found.refuse_newer()
    if found.behind:
        raise StoreUnavailable(
            f"the database has schema {found.taken} of {found.known}: a process that writes upgrades it"
        )


def _statements(taken: int) -> Iterator[str]:
    if taken < len(STEPS):
        yield "CREATE TABLE IF NOT EXISTS twofold_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
        for step in STEPS[taken:]:
            yield from step
        yield "REPLACE INTO twofold_meta (name, value) VALUES ('schema', '{known}')".replace("{known}", str(len(STEPS)))
