"""The port of brokers that give messages too: an ability that not every broker has."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from twofold.messaging._broker import Broker
from twofold.messaging._incoming import Incoming


class Queue(NamedTuple):
    """What one application receives of a place.

    Args:
        name: What the broker keeps it under: which messages the application has settled.
        place: The place; the subject of a message is the place and the name of its event.
        types: The wire names of the events.
        start: Where it starts when it is new: before the first message that is kept, or behind the last one.
    """

    name: str
    place: str
    types: frozenset[str]
    start: Literal["beginning", "now"] = "beginning"


class Waiting(NamedTuple):
    """What is left of a queue.

    Args:
        pending: How many messages nobody was given yet.
        taken: How many were given to somebody and are not settled.
        again: After how many seconds they are given again.
    """

    pending: int = 0
    taken: int = 0
    again: float = 0.0


@runtime_checkable
class ReceivingBroker(Broker, Protocol):
    """Gives the messages of a queue in their order, and those again that were not settled; makes no place.

    It connects when it is first needed. Each call ends within a bound of its own, whatever the broker does.
    """

    async def receive(self, queue: Queue, most: int, within: float) -> Sequence[Incoming]:
        """Take messages; those first that are given again. What is cancelled loses none.

        Args:
            queue: The queue; the broker keeps it from the first call on.
            most: How many at most.
            within: How long to wait for the first one, in seconds.

        Raises:
            NotReceived: The broker is away, or nobody keeps the place, or it has the queue otherwise.
        """
        ...

    async def settle(self, queue: Queue, messages: Sequence[Incoming]) -> None:
        """Have messages never be given again; harmless for those that were settled.

        Raises:
            NotReceived: The broker is away, or does not know that it has given them: some may be given again.
        """
        ...

    async def give_back(self, queue: Queue) -> None:
        """Let others have what was taken here and not settled, at once if the broker is there; never fails."""
        ...

    async def waiting(self, queue: Queue) -> Waiting:
        """What is left of a queue.

        Raises:
            NotReceived: The broker cannot say.
        """
        ...
