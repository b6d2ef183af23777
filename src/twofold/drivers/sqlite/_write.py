"""Writing a batch: encoded by the caller beforehand, and run in the writer's thread, perhaps more than once."""

from operator import itemgetter
from sqlite3 import Connection
from typing import final

from twofold.drivers.sqlite._append import append, encode
from twofold.drivers.sqlite._checkpoints import move
from twofold.drivers.sqlite._entries import add_entries
from twofold.drivers.sqlite._guard import GuardedConnection
from twofold.drivers.sqlite._log import behind, head
from twofold.drivers.sqlite._parked import free, park, repark
from twofold.drivers.sqlite._replies import keep, keep_received
from twofold.drivers.sqlite._snapshots import keep_snapshots
from twofold.drivers.sqlite._tables import change_rows
from twofold.drivers.sqlite._where import any_of
from twofold.errors import ConditionFailed
from twofold.store import Batch, Committed, Condition, Remainder, json_text


@final
class Plan:
    """A batch with what it appends encoded; calling it writes it inside the transaction that is open."""

    __slots__ = ("_batch", "_entries", "_streams", "appending")

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        appending = self._streams, self._entries = encode(batch)
        self.appending = None if any(_BESIDE(batch)) else appending
        """What it appends, where it does nothing else."""

    def __call__(self, connection: GuardedConnection) -> Committed:
        batch = self._batch
        for condition in batch.conditions:
            hold(connection, condition)
        committed = append(connection, self._streams)
        for one in batch.moves:
            move(connection, one)
        if batch.rows:
            change_rows(connection, batch.rows)
        if batch.parks:
            park(connection, batch.parks)
        if batch.reparks:
            repark(connection, batch.reparks)
        if batch.frees:
            free(connection, batch.frees)
        if batch.reply:
            keep(connection, batch.reply, committed.position)
        if batch.received:
            keep_received(connection, batch.received, committed.position)
        if batch.snapshots:
            keep_snapshots(connection, batch.snapshots)
        if self._entries:
            add_entries(connection, self._entries, committed.position)
        return committed


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
    Plan(remainder.settled(events, until))(connection)


_BESIDE = itemgetter(*[place for place, name in enumerate(Batch._fields) if name not in ("appends", "audit")])
"""What a batch holds beside what is appended, and entries of the audit trail."""


_UNSEEN = "position NOT IN (SELECT value FROM json_each(?))"
_FIRST_AFTER = "SELECT position FROM twofold_events WHERE position > ? AND {} ORDER BY position LIMIT 1"
