"""Writing a batch: encoded by the caller beforehand, and run in the writer's thread, perhaps more than once."""

from dataclasses import dataclass
from sqlite3 import Connection

from twofold.drivers.sqlite._append import Appending, append, encode
from twofold.drivers.sqlite._checkpoints import move
from twofold.drivers.sqlite._entries import add_entries
from twofold.drivers.sqlite._guard import GuardedConnection
from twofold.drivers.sqlite._log import behind, head
from twofold.drivers.sqlite._parked import free, park
from twofold.drivers.sqlite._replies import keep, keep_received
from twofold.drivers.sqlite._snapshots import keep_snapshots
from twofold.drivers.sqlite._tables import change_rows
from twofold.drivers.sqlite._where import any_of
from twofold.errors import ConditionFailed
from twofold.store import Batch, Committed, Condition, Remainder, json_text


@dataclass(frozen=True, slots=True)
class Plan:
    """A batch with its events encoded; calling it writes it inside the transaction that is open."""

    appends: Appending
    batch: Batch

    @property
    def appending(self) -> Appending | None:
        """What it appends, where it does nothing else."""
        batch = self.batch
        return self.appends if batch == Batch(batch.appends, audit=batch.audit) else None

    def __call__(self, connection: GuardedConnection) -> Committed:
        batch = self.batch
        for condition in batch.conditions:
            hold(connection, condition)
        committed = append(connection, self.appends.streams)
        for one in batch.moves:
            move(connection, one)
        if batch.rows:
            change_rows(connection, batch.rows)
        if batch.parks:
            park(connection, batch.parks)
        if batch.frees:
            free(connection, batch.frees)
        if batch.reply:
            keep(connection, batch.reply, committed.position)
        if batch.received:
            keep_received(connection, batch.received, committed.position)
        if batch.snapshots:
            keep_snapshots(connection, batch.snapshots)
        if self.appends.entries:
            add_entries(connection, self.appends.entries, committed.position)
        return committed


def plan(batch: Batch) -> Plan:
    """Encode what a batch writes."""
    return Plan(encode(batch), batch)


def hold(connection: Connection, condition: Condition) -> None:
    """Check what must not have happened, in the transaction that is open.

    Raises:
        ConditionFailed: It has.
    """
    where, values = any_of(condition.selections)
    if condition.seen:
        where, values = f"{where} AND {_UNSEEN}", [*values, json_text([*condition.seen])]
    found = connection.execute(_FIRST_AFTER.format(where), (condition.after, *values)).fetchone()
    if found:
        raise ConditionFailed(after=condition.after, position=found[0])


def settle(connection: GuardedConnection, remainder: Remainder) -> None:
    """Deal with what is left of the log, in the transaction that is open: it is the only one that writes.

    Raises:
        ConditionFailed: It is more than may be.
    """
    until = head(connection)
    events = () if remainder.where is None else behind(connection, remainder.after, remainder.where, remainder.most + 1)
    plan(remainder.settled(events, until))(connection)


_UNSEEN = "position NOT IN (SELECT value FROM json_each(?))"
_FIRST_AFTER = "SELECT position FROM twofold_events WHERE position > ? AND {} ORDER BY position LIMIT 1"
