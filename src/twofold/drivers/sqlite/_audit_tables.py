"""The tables of the audit trail, which let nobody change what is in them."""

AUDIT_TABLES = (
    """CREATE TABLE twofold_audit (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        message TEXT NOT NULL,
        version INTEGER NOT NULL,
        message_id BLOB NOT NULL,
        correlation_id TEXT NOT NULL,
        causation_id TEXT,
        user_id TEXT,
        tenant TEXT,
        payload TEXT NOT NULL, -- JSON, without secrets
        time INTEGER NOT NULL, -- microseconds since 1970, UTC
        duration INTEGER NOT NULL, -- microseconds
        outcome TEXT NOT NULL,
        code TEXT NOT NULL,
        position INTEGER NOT NULL
    )""",
    """CREATE TABLE twofold_audit_blocks (
        number INTEGER PRIMARY KEY,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        digests BLOB NOT NULL,
        previous BLOB NOT NULL,
        time INTEGER NOT NULL, -- microseconds since 1970, UTC
        hash BLOB NOT NULL
    )""",
    """CREATE TRIGGER twofold_audit_update BEFORE UPDATE ON twofold_audit
        BEGIN SELECT raise(ABORT, 'the audit trail is append-only'); END""",
    """CREATE TRIGGER twofold_audit_delete BEFORE DELETE ON twofold_audit
        BEGIN SELECT raise(ABORT, 'the audit trail is append-only'); END""",
    # REPLACE takes a row away without asking the trigger above.
    """CREATE TRIGGER twofold_audit_replace BEFORE INSERT ON twofold_audit
        WHEN EXISTS (SELECT 1 FROM twofold_audit WHERE number = new.number)
        BEGIN SELECT raise(ABORT, 'the audit trail is append-only'); END""",
    """CREATE TRIGGER twofold_audit_blocks_update BEFORE UPDATE ON twofold_audit_blocks
        BEGIN SELECT raise(ABORT, 'the audit trail is append-only'); END""",
    """CREATE TRIGGER twofold_audit_blocks_delete BEFORE DELETE ON twofold_audit_blocks
        BEGIN SELECT raise(ABORT, 'the audit trail is append-only'); END""",
    """CREATE TRIGGER twofold_audit_blocks_replace BEFORE INSERT ON twofold_audit_blocks
        WHEN EXISTS (SELECT 1 FROM twofold_audit_blocks WHERE number = new.number)
        BEGIN SELECT raise(ABORT, 'the audit trail is append-only'); END""",
)
"""The step of the schema that makes them."""
