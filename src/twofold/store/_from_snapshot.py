"""Reading a snapshot and what is behind it in one go, for stores that can."""

from collections.abc import Sequence
from typing import Protocol, cast

from twofold.store._port import Store
from twofold.store._recorded import Recorded
from twofold.store._snapshot import Snapshot


class SnapshotStore(Store, Protocol):
    """A store that finds a snapshot together with events: an ability that not every store has."""

    async def read_from_snapshot(self, stream: str, *, limit: int) -> tuple[Snapshot | None, Sequence[Recorded]]:
        """The newest snapshot of a stream, and the events of the stream from the one on that it is of."""
        ...


async def read_from_snapshot(store: Store, stream: str, *, limit: int) -> tuple[Snapshot | None, Sequence[Recorded]]:
    """The newest snapshot of a stream, and the events of the stream from the one on that it is of.

    Without a snapshot those are its first events.

    Args:
        store: The store.
        stream: The stream.
        limit: The most events.
    """
    # Of its class: what stands in front of another store may pass on whatever it does not have itself.
    if hasattr(type(store), "read_from_snapshot"):
        return await cast("SnapshotStore", store).read_from_snapshot(stream, limit=limit)
    snapshot = await store.find_snapshot(stream)
    after = 0 if snapshot is None else snapshot.version - 1
    return snapshot, await store.log.read_stream(stream, after=after, limit=limit)
