"""How much waits in a running application: in front of its bulkheads, for its writers, and for those that read."""

from collections.abc import Mapping
from typing import Protocol

from twofold.app._stores import READ_DATABASE, Stores
from twofold.store import QueueingStore, foundation


class Bulkheads(Protocol):
    """What keeps messages apart."""

    @property
    def queued(self) -> Mapping[str, int]:
        """How many messages wait in front of a bulkhead, by its name."""
        ...


def queues_of(stores: Stores, bulkheads: Bulkheads | None) -> Mapping[str, int]:
    """The length of each queue, by its name.

    Args:
        stores: The stores; those of a read database are named so.
        bulkheads: What keeps messages apart; None where nothing does.
    """
    found: dict[str, int] = {}
    for name, store in stores.named.items():
        prefix = f"{name}: " if name == READ_DATABASE else ""
        queueing = foundation(store)
        if isinstance(queueing, QueueingStore):
            found |= {f"{prefix}{queue}": length for queue, length in queueing.queues.items()}
    if bulkheads is not None:
        found |= {f"bulkhead {name}": length for name, length in bulkheads.queued.items()}
    return found
