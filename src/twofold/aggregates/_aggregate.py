"""An aggregate: state that changes only by its own events, and the events it has recorded since it was loaded."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Self

from twofold.aggregates._as_of import AsOf
from twofold.aggregates._snapshots import SnapshotPolicy
from twofold.errors import WiringError, snake_case
from twofold.messages import Event


class Aggregate:
    """Derive from it, write `evolve`, and call `record` where a decision is made.

    A new one is made without arguments; rebuilding calls `evolve` only. The attribute `id` names it, once it has one.

    Example:
        >>> class Order(Aggregate):
        ...     id: UUID
        ...     paid = False
        ...     @classmethod
        ...     def place(cls, id: UUID) -> "Order":
        ...         order = cls()
        ...         order.record(OrderPlaced(order_id=id))
        ...         return order
        ...     def evolve(self, event: Event) -> None:
        ...         match event:
        ...             case OrderPlaced():
        ...                 self.id = event.order_id
        ...             case OrderPaid():
        ...                 self.paid = True
    """

    stream_name: ClassVar[str] = ""
    """What its streams are called, before the id; the class name in snake case unless set."""

    snapshots: ClassVar[SnapshotPolicy | None] = None
    """When its state is kept beside its stream: `every(100)`, say. Every attribute of the state is annotated then."""

    snapshot_version: ClassVar[int] = 1
    """Raised when `evolve` comes to something else, so that older snapshots are not used."""

    _version: int = 0
    _recorded: Sequence[Event] = ()
    _as_of: AsOf | None = None

    def evolve(self, event: Event) -> None:
        """Change the state as an event says; never refuse, never record.

        Args:
            event: One of its events, in order.
        """
        raise WiringError(f"{type(self).__qualname__} has no evolve(event)")

    def record(self, event: Event) -> None:
        """Say that something happened: evolve by it, and remember it until the unit of work commits.

        Args:
            event: What happened.
        """
        self.evolve(event)
        self._recorded = (*self._recorded, event)

    @property
    def version(self) -> int:
        """How many events it has in the log."""
        return self._version

    @property
    def recorded(self) -> Sequence[Event]:
        """The events that are not in the log yet."""
        return self._recorded

    @property
    def as_of(self) -> AsOf | None:
        """The moment that it was loaded as of; None for the present, which alone can be saved."""
        return self._as_of

    @classmethod
    def rebuild(cls, events: Iterable[Event], *, version: int | None = None, start: Self | None = None) -> Self | None:
        """An aggregate from its events; None when there are none.

        Args:
            events: Its events, in order.
            version: How many the log has of it, which is another number where older ones have become several or none;
                as many as are given, unless said otherwise.
            start: What the events before those had come to.
        """
        aggregate = start
        for event in events:
            if aggregate is None:
                aggregate = cls()
            aggregate.evolve(event)
            aggregate._version += 1
        if aggregate is not None and version is not None:
            aggregate._version = version
        return aggregate

    @classmethod
    def stream_of(cls, id: object) -> str:  # noqa: A002  # what users call it
        """The name of the stream of the aggregate with an id."""
        return f"{cls.stream_name or snake_case(cls.__name__)}-{id}"
