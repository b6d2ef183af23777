"""What one unit of work writes, as data: the store commits it whole or not at all, and may run it again.

Nothing in here knows a message class; events are encoded before they get here.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, NamedTuple
from uuid import UUID

from twofold.store._audit import AuditEntry
from twofold.store._checkpoint import Move
from twofold.store._parked import Parked
from twofold.store._replies import Received, Reply
from twofold.store._rows import RowChange
from twofold.store._selection import Condition
from twofold.store._snapshot import Snapshot

ANY_VERSION: Final = -1
"""The expected version of an append that does not care what is in the stream already."""

_NO_STREAMS: Final = MappingProxyType(dict[str, int]())


class Draft(NamedTuple):
    """An event on its way into the log.

    Args:
        id: The id of the event, also its id on a broker.
        type: Its wire name.
        schema_version: The version of its schema.
        data: The encoded event, JSON.
        headers: Metadata: causation, correlation, user, tenant, trace.
        time: When it happened, in UTC.
        tags: What it concerns, `name:value`, sorted.
    """

    id: UUID
    type: str
    schema_version: int
    data: bytes
    headers: Mapping[str, str]
    time: datetime
    tags: tuple[str, ...] = ()


class Append(NamedTuple):
    """Events for the end of one stream, together.

    Args:
        stream: The stream's name.
        events: In order. With none the version is looked at, and may be moved by others before this is committed.
        expected: The version that the stream must be at; 0 for a new one, `ANY_VERSION` for whatever it is.
    """

    stream: str
    events: tuple[Draft, ...]
    expected: int = ANY_VERSION


class Batch(NamedTuple):
    """Everything that one unit of work writes.

    Args:
        appends: Events, by stream, in the order they get their positions.
        rows: Changes to the tables of read models, in order.
        moves: Checkpoints that move with them.
        conditions: What must not have happened since the decision; checked before anything is written.
        parks: Events to put aside, replacing what is there of the same subscription and position, but for its data,
            which an edit alone changes.
        frees: Parked events to let go, by subscription and position.
        reply: What a command with a key answers; its transaction has claimed the key.
        audit: Entries for the audit trail; the position is that which the batch appends up to.
        snapshots: States of streams as they were loaded; each takes the place of an older one.
        received: Messages of other services that it deals with; none of them was dealt with before.
        reparks: What is new about parked events, as with `parks`; of those that somebody has let go meanwhile nothing
            is written.
    """

    appends: tuple[Append, ...] = ()
    rows: tuple[RowChange, ...] = ()
    moves: tuple[Move, ...] = ()
    conditions: tuple[Condition, ...] = ()
    parks: tuple[Parked, ...] = ()
    frees: tuple[tuple[str, int], ...] = ()
    reply: Reply | None = None
    audit: tuple[AuditEntry, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    received: tuple[Received, ...] = ()
    reparks: tuple[Parked, ...] = ()

    def __bool__(self) -> bool:
        return any(self)


class Committed(NamedTuple):
    """What the store says after a commit.

    Args:
        position: The position of the last event that was appended; 0 when there was none.
        versions: The version that each stream reached.
    """

    position: int = 0
    versions: Mapping[str, int] = _NO_STREAMS
