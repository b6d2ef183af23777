"""An aggregate: state that changes only by its own events, and the events it has recorded since it was loaded."""

from collections.abc import Iterable
from typing import Any, ClassVar, Self

from twofold.aggregates._as_of import AsOf
from twofold.aggregates._entity import Entity
from twofold.aggregates._evolving import methods_of
from twofold.aggregates._snapshots import SnapshotPolicy
from twofold.errors import WiringError
from twofold.messages import Event


class Aggregate(Entity):
    """Derive from it, write `evolve` or a method for each event, and call `record` where a decision is made.

    Such a method is public, and takes the event and nothing else; its annotation says which, one or a union of some. An
    event that no method takes changes nothing.

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

    snapshots: ClassVar[SnapshotPolicy | None] = None
    """When its state is kept beside its stream: `every(100)`, say. Every attribute of the state is annotated then."""

    snapshot_version: ClassVar[int] = 1
    """Raised when evolving comes to something else, so that older snapshots are not used."""

    _version: int = 0
    _as_of: AsOf | None = None

    def evolve(self, event: Event) -> None:
        """Change the state as an event says; never refuse, never record.

        Args:
            event: One of its events, in order.
        """
        kind: Any = type(self)  # mypy takes the hash of an instance for that of its class
        methods = methods_of(kind)
        method = methods.get(type(event))
        if method is not None:
            method(self, event)
        elif not methods:
            raise WiringError(f"{kind.__qualname__} has no evolve(event), and no method for an event")

    def record(self, event: Event) -> None:
        """Say that something happened: evolve by it, and remember it until the unit of work commits.

        Args:
            event: What happened.
        """
        self.evolve(event)
        super().record(event)

    @property
    def version(self) -> int:
        """How many events it has in the log."""
        return self._version

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
