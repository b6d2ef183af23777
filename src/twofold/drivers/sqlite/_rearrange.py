"""Letting tables and checkpoints come, go and change their names; the writer's thread does it in one transaction."""

import json
from collections.abc import Mapping, Sequence
from sqlite3 import IntegrityError

from twofold.drivers.sqlite._checkpoints import stands
from twofold.drivers.sqlite._guard import GuardedConnection, own
from twofold.drivers.sqlite._tables import add_tables, refill_views
from twofold.drivers.sqlite._write import settle
from twofold.errors import CheckpointMoved, WiringError
from twofold.store import Checkpoint, Rearrangement


def rearrange(connection: GuardedConnection, change: Rearrangement) -> None:
    """Do what a rearrangement says, inside the transaction that is open.

    Raises:
        CheckpointMoved: A checkpoint is not as it must be.
        ConditionFailed: More is left of the log than may be.
        WiringError: A table that is to be renamed is referred to from outside.
    """
    _check(connection, change)
    _drop(connection, change.drops)
    for name in change.forgets:
        connection.execute(own("DELETE FROM twofold_checkpoints WHERE name = ?"), (name,))
        connection.execute(own("DELETE FROM twofold_parked WHERE subscription = ?"), (name,))
    _rename_tables(connection, change)
    if change.views:
        refill_views(connection, change.views)
    listed = json.dumps(change.tables)
    for old, new in change.checkpoints:
        names = {"old": old, "new": new}
        connection.execute(_RENAME, {**names, "tables": listed})
        connection.execute(own("UPDATE twofold_parked SET subscription = :new WHERE subscription = :old"), names)
    if change.creates:
        add_tables(connection, change.creates)
    for place in change.places:
        _place(connection, place)


def _check(connection: GuardedConnection, change: Rearrangement) -> None:
    for name, version in change.versions.items():
        found = stands(connection, name).version
        if found != version:
            raise CheckpointMoved(name=name, text=f"has version {found}, not {version}")
    if change.remainder is not None:
        settle(connection, change.remainder)
    for first, second in change.ahead:
        if stands(connection, first).position < stands(connection, second).position:
            raise CheckpointMoved(name=first, text=f"stands behind {second!r}")


def _drop(connection: GuardedConnection, names: Sequence[str]) -> None:
    """Drop tables, those that refer to others first."""
    refused: list[str] = []
    for name in names:
        try:
            connection.execute(f"DROP TABLE IF EXISTS {_quoted(name)}")
        except IntegrityError:
            refused.append(name)
            if len(refused) == len(names):
                raise
    if refused:
        _drop(connection, refused)


def _rename_tables(connection: GuardedConnection, change: Rearrangement) -> None:
    """Rename them. References between them follow; views keep the name they use, and so mean the new table."""
    names = {name for pair in change.renames for name in pair}
    for child, parent in connection.execute(_REFERENCES).fetchall():
        if parent in names and child not in names:
            raise WiringError(f"table {child!r} refers to {parent!r}, which is rebuilt: drop the foreign key")
    connection.execute("PRAGMA legacy_alter_table = ON")
    try:
        for old, new in change.renames:
            if connection.execute(_IS_THERE, (old,)).fetchone():
                connection.execute(f"ALTER TABLE {_quoted(old)} RENAME TO {_quoted(new)}")
    finally:
        connection.execute("PRAGMA legacy_alter_table = OFF")


def _place(connection: GuardedConnection, place: Checkpoint) -> None:
    row: Mapping[str, object] = {
        "name": place.name,
        "position": place.position,
        "epoch": place.epoch,
        "version": place.version,
        "tables": json.dumps(place.tables),
    }
    if not connection.execute(_INSERT, row).rowcount:
        raise CheckpointMoved(name=place.name, text="is there already")


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


_IS_THERE = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
_REFERENCES = (
    'SELECT one.name, key."table" FROM sqlite_master one JOIN pragma_foreign_key_list(one.name) key'
    " WHERE one.type = 'table'"
)
_RENAME = own(
    "UPDATE twofold_checkpoints SET name = :new, owner = '', tables = :tables,"
    " token = (SELECT max(token) + 1 FROM twofold_checkpoints) WHERE name = :old"
)
_INSERT = own(
    "INSERT INTO twofold_checkpoints (name, position, epoch, version, tables)"
    " VALUES (:name, :position, :epoch, :version, :tables) ON CONFLICT DO NOTHING"
)
