"""The write side: units of work, the log, checkpoints, and the in-memory reference of the store port."""

from twofold.store._batch import ANY_VERSION, Append, Batch, Committed, Draft, Move
from twofold.store._log import Log, Recorded, Wakeup
from twofold.store._memory import MemoryStore
from twofold.store._port import Store, Transaction
from twofold.store._rows import Add, Delete, RowChange, Upsert

__all__ = [
    "ANY_VERSION",
    "Add",
    "Append",
    "Batch",
    "Committed",
    "Delete",
    "Draft",
    "Log",
    "MemoryStore",
    "Move",
    "Recorded",
    "RowChange",
    "Store",
    "Transaction",
    "Upsert",
    "Wakeup",
]
