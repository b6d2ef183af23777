"""The write side: units of work, the log, checkpoints, and the in-memory reference of the store port."""

from twofold.store._attempt import ATTEMPTS, IF_INTERRUPTED, INTERRUPTED, from_header
from twofold.store._audit import CRASHED, OUTCOMES, REPLAYED, SUCCESS, AuditEntry, AuditSearch, canonical, sealed_text
from twofold.store._audit_block import AuditBlock
from twofold.store._audit_cut import CUT, AuditCut
from twofold.store._audit_keys import NO_KEYS, AuditKeyMissing, AuditKeys
from twofold.store._audit_stage import audit_stage, ended_as
from twofold.store._audit_trail import AuditTrail
from twofold.store._audited import About, Record, Trace
from twofold.store._batch import ANY_VERSION, Append, Batch, Committed, Draft
from twofold.store._behind import Behind
from twofold.store._bell import Bell
from twofold.store._bounds import Bounds
from twofold.store._checkpoint import INLINE, NOBODY, Checkpoint, Checkpoints, Move
from twofold.store._closing import CLOSED, ClosableStore, Closing, How
from twofold.store._current import UnitFactory, carrying, current_unit, working
from twofold.store._decode import decode, decode_events
from twofold.store._ended import ENDED, held_too_long
from twofold.store._epoch import GAP, Epoch, RestorableStore
from twofold.store._everything import everything, furthest
from twofold.store._fact import Fact
from twofold.store._from_snapshot import SnapshotStore, read_from_snapshot
from twofold.store._front import StoreFront, TransactionFront
from twofold.store._idempotency import claim_stage, idempotency_stage
from twofold.store._json import json_text
from twofold.store._lifecycle import conclusion_stage, lifecycle_stage
from twofold.store._log import Log, Wakeup
from twofold.store._memory import MemoryStore
from twofold.store._memory_tables import MemoryTables
from twofold.store._not_held import NUMBER_NOT_HELD, TEXT_NOT_HELD
from twofold.store._parked import INBOX, Parked, ParkedEvents, is_of_log
from twofold.store._participants import EventSource, Participant
from twofold.store._port import (
    QueueingStore,
    ReadableStore,
    ReplicatedStore,
    RevealingStore,
    Store,
    StoreInFront,
    Transaction,
    foundation,
)
from twofold.store._proof import Flaw, Verdict, verify
from twofold.store._rearrangement import Aside, Rearrangement, beside, table_name
from twofold.store._recorded import Recorded
from twofold.store._refusals import Refusals
from twofold.store._remainder import Remainder
from twofold.store._replies import Received, Reply
from twofold.store._retention import Pruned, prunable, prune
from twofold.store._rows import Add, Delete, RowChange, Upsert
from twofold.store._schema import MigratableStore, SchemaState
from twofold.store._sealing import seal
from twofold.store._selection import Condition, Selection, part_of, selected
from twofold.store._snapshot import Snapshot
from twofold.store._stored import Stored, StoredLog, read_stored
from twofold.store._tenants import TenantStore
from twofold.store._through import carried_through
from twofold.store._transaction import read_only_stage, refuse_in_query, transaction_stage
from twofold.store._unit import Inline, Told, UnitOfWork

__all__ = [
    "ANY_VERSION",
    "ATTEMPTS",
    "About",
    "Add",
    "Append",
    "Aside",
    "AuditBlock",
    "AuditCut",
    "AuditEntry",
    "AuditKeyMissing",
    "AuditKeys",
    "AuditSearch",
    "AuditTrail",
    "Batch",
    "Behind",
    "Bell",
    "Bounds",
    "CLOSED",
    "CRASHED",
    "CUT",
    "Checkpoint",
    "Checkpoints",
    "ClosableStore",
    "Closing",
    "Committed",
    "Condition",
    "Delete",
    "Draft",
    "ENDED",
    "Epoch",
    "EventSource",
    "Fact",
    "Flaw",
    "GAP",
    "IF_INTERRUPTED",
    "INBOX",
    "How",
    "INLINE",
    "INTERRUPTED",
    "Inline",
    "Log",
    "MemoryStore",
    "MemoryTables",
    "MigratableStore",
    "Move",
    "NOBODY",
    "NO_KEYS",
    "NUMBER_NOT_HELD",
    "OUTCOMES",
    "Parked",
    "ParkedEvents",
    "Participant",
    "Pruned",
    "QueueingStore",
    "REPLAYED",
    "ReadableStore",
    "Rearrangement",
    "Record",
    "Received",
    "Recorded",
    "Refusals",
    "Remainder",
    "ReplicatedStore",
    "Reply",
    "RestorableStore",
    "RevealingStore",
    "RowChange",
    "SUCCESS",
    "SchemaState",
    "Selection",
    "Snapshot",
    "SnapshotStore",
    "Store",
    "StoreFront",
    "StoreInFront",
    "Stored",
    "StoredLog",
    "TEXT_NOT_HELD",
    "TenantStore",
    "Told",
    "Trace",
    "Transaction",
    "TransactionFront",
    "UnitFactory",
    "UnitOfWork",
    "Upsert",
    "Verdict",
    "Wakeup",
    "audit_stage",
    "beside",
    "canonical",
    "carried_through",
    "carrying",
    "claim_stage",
    "conclusion_stage",
    "current_unit",
    "decode",
    "decode_events",
    "ended_as",
    "everything",
    "foundation",
    "from_header",
    "furthest",
    "held_too_long",
    "idempotency_stage",
    "is_of_log",
    "json_text",
    "lifecycle_stage",
    "part_of",
    "prunable",
    "prune",
    "read_only_stage",
    "read_from_snapshot",
    "read_stored",
    "refuse_in_query",
    "seal",
    "sealed_text",
    "selected",
    "table_name",
    "transaction_stage",
    "verify",
    "working",
]
