"""The table of closed streams, and what keeps all else of the log as it is.

One way is open to take events away: a closing that names a stream at its version lets go of everything of that stream.
"""

CLOSINGS = (
    """CREATE TABLE twofold_closings (
        stream TEXT PRIMARY KEY,
        version INTEGER NOT NULL, -- its last one
        how TEXT NOT NULL,
        time INTEGER NOT NULL -- microseconds since 1970, UTC
    ) WITHOUT ROWID""",
    """CREATE TRIGGER twofold_closings_update BEFORE UPDATE ON twofold_closings
        BEGIN SELECT raise(ABORT, 'the log is append-only'); END""",
    """CREATE TRIGGER twofold_closings_delete BEFORE DELETE ON twofold_closings
        BEGIN SELECT raise(ABORT, 'the log is append-only'); END""",
    # It refuses REPLACE, too: a stream that is closed has no events.
    """CREATE TRIGGER twofold_closings_insert BEFORE INSERT ON twofold_closings
        WHEN new.version IS NOT (SELECT max(version) FROM twofold_events WHERE stream = new.stream)
        BEGIN SELECT raise(ABORT, 'the log is append-only, and this closes no stream'); END""",
    """CREATE TRIGGER twofold_events_update BEFORE UPDATE ON twofold_events
        BEGIN SELECT raise(ABORT, 'the log is append-only'); END""",
    """CREATE TRIGGER twofold_events_delete BEFORE DELETE ON twofold_events
        WHEN NOT EXISTS (SELECT 1 FROM twofold_closings WHERE stream = old.stream)
        BEGIN SELECT raise(ABORT, 'the log is append-only'); END""",
    "ALTER TABLE twofold_audit ADD COLUMN source TEXT",
)
"""The step of the schema that lets streams be closed, and keeps all else of the log as it is.

The audit trail says from there on through which door a command came.
"""
