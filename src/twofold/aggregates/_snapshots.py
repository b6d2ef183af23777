"""When the state of an aggregate is worth keeping, so that it need not be folded from its first event again."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, final

from twofold.errors import WiringError
from twofold.messages import Event


class Loaded(NamedTuple):
    """How an aggregate was loaded: what a policy of snapshots goes by.

    Args:
        folded: How many events of the log were folded, behind a snapshot if there was one.
        events: What they are today.
        seconds: How long it took.
    """

    folded: int
    events: Sequence[Event]
    seconds: float


@final
class SnapshotPolicy:
    """Says whether a snapshot is due, and can be combined: `every(100) | after_event(OrderShipped)`.

    Args:
        due: Whether one is, of how the aggregate was loaded.
    """

    __slots__ = ("_due",)

    def __init__(self, due: Callable[[Loaded], bool]) -> None:
        self._due = due

    def __call__(self, loaded: Loaded) -> bool:
        """Whether a snapshot is due."""
        return self._due(loaded)

    def __or__(self, other: "SnapshotPolicy") -> "SnapshotPolicy":
        return SnapshotPolicy(lambda loaded: self(loaded) or other(loaded))

    def __and__(self, other: "SnapshotPolicy") -> "SnapshotPolicy":
        return SnapshotPolicy(lambda loaded: self(loaded) and other(loaded))


def every(events: int) -> SnapshotPolicy:
    """A snapshot once so many events had to be folded.

    Args:
        events: How many.

    Raises:
        WiringError: It is less than one.

    Example:
        >>> class Order(Aggregate):
        ...     snapshots = every(100) | slower_than(0.05)
    """
    if events < 1:
        raise WiringError(f"every({events}): a snapshot is of one event at least")
    return SnapshotPolicy(lambda loaded: loaded.folded >= events)


def slower_than(seconds: float) -> SnapshotPolicy:
    """A snapshot when loading took longer than that.

    Args:
        seconds: How long, in seconds.
    """
    return SnapshotPolicy(lambda loaded: loaded.seconds > seconds)


def after_event(*events: type[Event]) -> SnapshotPolicy:
    """A snapshot once one of these has happened, by whoever loads the aggregate next.

    Args:
        events: The classes of the events.
    """
    return SnapshotPolicy(lambda loaded: any(isinstance(event, events) for event in loaded.events))
