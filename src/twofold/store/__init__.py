"""The write side: units of work, the log, checkpoints, and the in-memory reference of the store port."""

from twofold.store._batch import ANY_VERSION, INLINE, Append, Batch, Committed, Draft, Move
from twofold.store._bell import Bell
from twofold.store._current import UnitFactory, carrying, current_unit, working
from twofold.store._fact import Fact, Inline
from twofold.store._log import Log, Recorded, Wakeup
from twofold.store._memory import MemoryStore
from twofold.store._memory_tables import MemoryTables
from twofold.store._part import EventSource, Participant
from twofold.store._port import Store, Transaction
from twofold.store._rows import Add, Delete, RowChange, Upsert
from twofold.store._transaction import read_only_stage, refuse_in_query, transaction_stage
from twofold.store._unit import UnitOfWork

__all__ = [
    "ANY_VERSION",
    "INLINE",
    "Add",
    "Append",
    "Batch",
    "Bell",
    "Committed",
    "Delete",
    "Draft",
    "EventSource",
    "Fact",
    "Inline",
    "Log",
    "MemoryStore",
    "MemoryTables",
    "Move",
    "Participant",
    "Recorded",
    "RowChange",
    "Store",
    "Transaction",
    "UnitFactory",
    "UnitOfWork",
    "Upsert",
    "Wakeup",
    "carrying",
    "current_unit",
    "read_only_stage",
    "refuse_in_query",
    "transaction_stage",
    "working",
]
