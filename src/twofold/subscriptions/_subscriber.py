"""What follows the log: something that handles facts and moves its checkpoint in the same transaction."""

from collections.abc import Sequence
from typing import Protocol

from twofold.dispatch import Start
from twofold.store import Batch, Fact, Log, Selection, Wakeup


class Subscriber(Protocol):
    """Handles the events it is interested in."""

    @property
    def name(self) -> str:
        """Its stable name; its checkpoint is kept under it."""
        ...

    @property
    def selection(self) -> Selection:
        """The events it handles."""
        ...

    @property
    def start(self) -> Start:
        """Where it starts when it is new."""
        ...

    @property
    def batch_size(self) -> int:
        """How many events it takes in one transaction."""
        ...

    @property
    def partitions(self) -> int:
        """Into how many equal shares of the streams it is cut, each followed by itself, in the order of its streams."""
        ...

    @property
    def version(self) -> int:
        """The version that its checkpoint must have; 0 for any."""
        ...

    async def handle(self, facts: Sequence[Fact], settled: Batch) -> None:
        """Handle events in order, and commit what settles them in the same transaction.

        Args:
            facts: The events.
            settled: The checkpoint's move, and what is put aside or let go with it.

        Raises:
            Exception: They could not be handled; nothing was written, and they are given again later.
        """
        ...


class Source(Protocol):
    """A log that is followed; a store, above all."""

    @property
    def log(self) -> Log:
        """The log."""
        ...

    @property
    def wakeup(self) -> Wakeup:
        """Tells that it may have grown."""
        ...
