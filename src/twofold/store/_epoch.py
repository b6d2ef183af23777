"""A log that goes on after an older backup of it was restored: under another name, and behind all that was lost.

What was recorded after the backup is gone, but others may have seen it: a read database, a search index, a client with
a position. So the log gets a new epoch, and no position is used a second time.
"""

from typing import Final, NamedTuple, Protocol, runtime_checkable

GAP: Final = 1_000_000_000
"""How many positions are left out: more events than anybody loses, and a small part of all that there are."""


class Epoch(NamedTuple):
    """A new epoch of a log, as it began.

    Args:
        name: The log's own random name from now on.
        before: The name that it had when the backup was made.
        head: Where the backup ends.
        start: Every event of the new epoch stands behind this position.
    """

    name: str
    before: str
    head: int
    start: int


@runtime_checkable
class RestorableStore(Protocol):
    """A store whose log may go on after an older backup was restored: an ability that not every store has.

    Checkpoints at or before the end of the backup follow the log of the new epoch: what they have seen is in it. Those
    behind its end have seen what was lost, so they keep the epoch from before and are followed by nobody. Either way
    they are free then, with a new token. Checkpoints of other logs stay as they are.
    """

    async def begin_epoch(self, seen: int) -> Epoch:
        """Give the log a new epoch, with the checkpoints of this store, in one transaction.

        Args:
            seen: The last position that anybody is known to have seen.
        """
        ...

    async def join_epoch(self, epoch: Epoch) -> None:
        """Let the checkpoints of this store follow the new epoch of a log in another store, in one transaction."""
        ...
