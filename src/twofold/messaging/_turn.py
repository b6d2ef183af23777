"""Whose turn it is to receive: one process of an application at a time, by a lease, so messages keep their order."""

from typing import final

from twofold.errors import CheckpointMoved
from twofold.store import Checkpoint, Checkpoints, Move
from twofold.subscriptions import Owner


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
        self._held: Checkpoint | None = None
        self._term = 0

    @property
    def certain(self) -> bool:
        """Whether it is held, and nobody else can hold it by now: only then may anything be begun."""
        return self._held is not None and self._owner.sure and self._owner.term == self._term

    @property
    def token(self) -> int:
        """How often it has changed hands; 0 while it is not held."""
        return 0 if self._held is None else self._held.token

    async def take(self) -> bool:
        """Whether it is the turn of this process."""
        owner = self._owner
        if not owner.sure:
            await owner.show()
        if owner.term != self._term:
            self.let_go()  # it was frozen, or the store was away
            self._term = owner.term
        if await owner.hand_over(self._name):
            self.let_go()  # another process had less to do
        if self._held is None:
            self._held = await owner.acquire(await self._checkpoints.get(self._name))
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
