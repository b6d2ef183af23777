"""What follows the log: something that handles facts and moves its checkpoint in the same transaction."""

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from twofold.messages import Catalogue
from twofold.store import Fact, Move, Recorded


class Subscriber(Protocol):
    """Handles the events it is interested in."""

    @property
    def name(self) -> str:
        """Its stable name; its checkpoint is kept under it."""
        ...

    @property
    def types(self) -> Collection[str]:
        """The wire names of the events it handles."""
        ...

    @property
    def batch_size(self) -> int:
        """How many events it takes in one transaction."""
        ...

    async def handle(self, facts: Sequence[Fact], move: Move) -> None:
        """Handle events in order, and move the checkpoint in the same transaction.

        Raises:
            Exception: They could not be handled; nothing was written, and they are given again later.
        """
        ...


def decode(catalogue: Catalogue, entries: Iterable[Recorded]) -> list[Fact]:
    """Events with their entries in the log.

    Raises:
        UnknownMessage: One is not registered.
        Undecodable: The data of one does not fit its class.
    """
    return [Fact(catalogue.named(entry.type).decode(entry.data), entry) for entry in entries]
