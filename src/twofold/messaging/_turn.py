"""Whose turn it is to receive: one process of an application at a time, by a lease, so messages keep their order."""

from typing import final

from twofold.errors import CheckpointMoved
from twofold.store import Checkpoint, Checkpoints, Move
from twofold.subscriptions import Owner, Tenure


@final
class Turn:
    """The turn of one inbox.

    Args:
        name: The name of the inbox; a checkpoint under it says whose turn it is.
        checkpoints: The checkpoints of the store.
        owner: Who this process is.
    """

    def __init__(self, name: str, checkpoints: Checkpoints, owner: Owner) -> None:
        self._name = name
        self._checkpoints = checkpoints
        self._owner = owner
        self._tenure = Tenure(name, owner)
        self._held: Checkpoint | None = None

    @property
    def certain(self) -> bool:
        """Whether it is held, and nobody else can hold it by now: only then may anything be begun."""
        return self._held is not None and self._tenure.certain

    @property
    def token(self) -> int:
        """How often it has changed hands; 0 while it is not held."""
        return 0 if self._held is None else self._held.token

    async def take(self) -> bool:
        """Whether it is the turn of this process."""
        if not await self._tenure.goes_on():
            self.let_go()
        if self._held is None:
            self._held = await self._owner.acquire(await self._checkpoints.get(self._name))
        return self._held is not None

    def let_go(self) -> None:
        """Hold it no longer, until `take` has asked again."""
        self._held = None

    def fence(self) -> Move:
        """What has a batch refused once it is another's turn.

        Raises:
            CheckpointMoved: It is not held.
        """
        if self._held is None:
            raise CheckpointMoved(name=self._name, text="belongs to another process")
        position = self._held.position
        return Move(self._name, position, position, token=self._held.token)
