"""The conformance suite of the store port: whoever writes a store derives a test class from it, and runs it.

The in-memory store passes it first, and every driver after it. It asks for nothing but the port and two hooks for rows.
"""

from twofold.testing._store_appends import Appends
from twofold.testing._store_audit import Audits
from twofold.testing._store_audit_cuts import AuditCuts
from twofold.testing._store_boundaries import Boundaries
from twofold.testing._store_case import StoreFeatures
from twofold.testing._store_checkpoints import Checkpoints
from twofold.testing._store_closing import Closings
from twofold.testing._store_read_only import ReadOnly
from twofold.testing._store_reads import Reads
from twofold.testing._store_rearranging import Rearranging
from twofold.testing._store_received import Receiving
from twofold.testing._store_replies import Replies
from twofold.testing._store_restoring import Restoring
from twofold.testing._store_snapshots import Snapshots
from twofold.testing._store_transactions import Transactions

__all__ = ["StoreConformance", "StoreFeatures"]


class StoreConformance(
    Appends,
    Audits,
    AuditCuts,
    Reads,
    ReadOnly,
    Boundaries,
    Checkpoints,
    Closings,
    Rearranging,
    Receiving,
    Replies,
    Restoring,
    Snapshots,
    Transactions,
):
    """Every promise of the store port, as tests.

    Derive from it, replace the fixture `store` and the method `find_row`, and say what the store can do in `features`;
    one with `sql` replaces `write_row` too, and one with `limits` the fixture `impatient_store`.

    Example:
        >>> class TestMemoryStore(StoreConformance):
        ...     @pytest.fixture
        ...     async def store(self) -> AsyncIterator[Store]:
        ...         store = MemoryStore()
        ...         await store.start()
        ...         yield store
        ...         await store.stop()
        ...
        ...     async def find_row(self, store: Store, name: str) -> Mapping[str, Any] | None:
        ...         return await store.read(lambda tables: tables.row(self.table, name=name))
    """
