"""The tables of the audit trail, which let nobody change what is in them.

One way is open to take entries away: a cut that names a block of the chain lets go of everything up to that block.
"""

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

CUTS_OF_AUDIT = (
    "ALTER TABLE twofold_audit ADD COLUMN count INTEGER NOT NULL DEFAULT 1",
    "ALTER TABLE twofold_audit_blocks ADD COLUMN key TEXT NOT NULL DEFAULT ''",
    """CREATE TABLE twofold_audit_cuts (
        number INTEGER PRIMARY KEY,
        block INTEGER NOT NULL, -- the last one that was taken away
        entry INTEGER NOT NULL, -- and its last entry
        previous BLOB NOT NULL, -- and its hash
        before INTEGER NOT NULL, -- microseconds since 1970, UTC
        rule TEXT NOT NULL,
        time INTEGER NOT NULL, -- microseconds since 1970, UTC
        key TEXT NOT NULL,
        hash BLOB NOT NULL
    )""",
    """CREATE TRIGGER twofold_audit_cuts_update BEFORE UPDATE ON twofold_audit_cuts
        BEGIN SELECT raise(ABORT, 'the audit trail is append-only'); END""",
    """CREATE TRIGGER twofold_audit_cuts_delete BEFORE DELETE ON twofold_audit_cuts
        BEGIN SELECT raise(ABORT, 'the audit trail is append-only'); END""",
    # It refuses REPLACE, too: a cut has a number that none has had.
    """CREATE TRIGGER twofold_audit_cuts_insert BEFORE INSERT ON twofold_audit_cuts
        WHEN new.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM twofold_audit_cuts)
        OR NOT EXISTS (
            SELECT 1 FROM twofold_audit_blocks
            WHERE number = new.block AND last = new.entry AND hash = new.previous AND time < new.before
            AND number < (SELECT max(number) FROM twofold_audit_blocks)
        )
        BEGIN SELECT raise(ABORT, 'the audit trail is append-only, and this is no cut of it'); END""",
    "DROP TRIGGER twofold_audit_delete",
    """CREATE TRIGGER twofold_audit_delete BEFORE DELETE ON twofold_audit
        WHEN old.number > coalesce((SELECT entry FROM twofold_audit_cuts ORDER BY number DESC LIMIT 1), 0)
        BEGIN SELECT raise(ABORT, 'the audit trail is append-only'); END""",
    "DROP TRIGGER twofold_audit_blocks_delete",
    """CREATE TRIGGER twofold_audit_blocks_delete BEFORE DELETE ON twofold_audit_blocks
        WHEN old.number > coalesce((SELECT block FROM twofold_audit_cuts ORDER BY number DESC LIMIT 1), 0)
        BEGIN SELECT raise(ABORT, 'the audit trail is append-only'); END""",
)
"""The step that lets whole blocks be taken away, has entries tell of several commands, and blocks of a key."""
