"""Where a follower of the log stands, and who may move it: checkpoints are leases too.

Nobody's clock is compared with anybody else's. An owner shows that it lives by a `beat` that grows; whoever sees a beat
that has stood still for the length of a lease, by a clock of its own, may claim the checkpoint, and its `token` grows.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple, Protocol

from twofold.errors import Superseded

INLINE: Final = -1
"""Where the checkpoint of an inline projection stands: its rows commit with the events, so it follows nothing."""

NOBODY: Final = ""
"""The owner of a checkpoint that is free."""


class Checkpoint(NamedTuple):
    """A checkpoint as it stands.

    Args:
        name: The subscription it belongs to.
        position: The last position it has dealt with; 0 for a new one, or `INLINE`.
        epoch: The epoch of the log it follows; empty for a new one.
        owner: Who moves it; `NOBODY` for one that is free.
        token: How often it has changed its owner; what it fences off a stale one with.
        beat: How often its owners have shown that they live.
        version: The version of the projection it belongs to; 0 while nobody has moved, claimed or placed it.
        tables: The tables that it goes together with, where they change their names with it.
    """

    name: str
    position: int = 0
    epoch: str = ""
    owner: str = NOBODY
    token: int = 0
    beat: int = 0
    version: int = 0
    tables: tuple[str, ...] = ()


class Move(NamedTuple):
    """A checkpoint on its way forward; one that moves to where it stands is held there until the batch commits.

    Args:
        name: The subscription it belongs to.
        position: Where it moves to; `INLINE` for a projection that is inline from now on.
        expected: Where it must stand; a store refuses to move one that stands elsewhere.
        token: The token it must have; None for whoever moves it without owning it.
        epoch: The epoch of the log it follows; empty to leave it as it is.
        version: The version it must have; 0 for any, or for one that is new, which then has 1.
    """

    name: str
    position: int
    expected: int
    token: int | None = None
    epoch: str = ""
    version: int = 0


class Checkpoints(Protocol):
    """The checkpoints of a store. Batches move them; here they are read, owned and given back."""

    async def get(self, name: str) -> Checkpoint:
        """A checkpoint as it stands; a new one when nobody has moved or claimed it yet."""
        ...

    async def all(self) -> Sequence[Checkpoint]:
        """All checkpoints that anybody has moved or claimed, by name."""
        ...

    async def claim(self, seen: Checkpoint, owner: str) -> Checkpoint:
        """Become the owner of a checkpoint; its token grows.

        Args:
            seen: The checkpoint as it was seen.
            owner: Who claims it.

        Returns:
            The checkpoint as it stands now.

        Raises:
            Conflict: It changed its owner, its owner has shown a sign of life, or it was forgotten, since it was seen.
        """
        ...

    async def renew(self, owner: str) -> None:
        """Show that an owner lives: the beat of every checkpoint that it owns grows."""
        ...

    async def release(self, owner: str, names: Collection[str] | None = None) -> None:
        """Give checkpoints back: those with these names, or all that the owner has."""
        ...


async def replaced_by_another(held: Iterable[Move], checkpoints: Checkpoints) -> Superseded | None:
    """What tells that an inline projection is not any more what a process takes it for; None where each still is.

    Args:
        held: Their checkpoints, held where the process knows them.
        checkpoints: Where they stand.
    """
    for one in held:
        stands = await checkpoints.get(one.name)
        if stands.position != one.position or stands.version != one.version:
            text = f"it has version {stands.version}" if stands.version != one.version else "it is not inline"
            return Superseded(name=one.name, text=f"{text} in another process")
    return None
