"""What the accepted commands imply, kept by the clients from the answers alone: no code of the example is involved."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal, TypeAlias

Verb: TypeAlias = Literal["pay", "ship", "cancel"]

# From a state and a verb: the state it leads to, or the code of the refusal.
_ACCEPTED: Final[dict[tuple[str, Verb], str]] = {
    ("placed", "pay"): "paid",
    ("placed", "cancel"): "cancelled",
    ("paid", "ship"): "shipped",
    ("paid", "cancel"): "cancelled",
}
_REFUSED: Final[dict[tuple[str, Verb], str]] = {
    ("placed", "ship"): "order_not_paid",
    ("paid", "pay"): "order_already_paid",
    ("shipped", "pay"): "order_already_paid",
    ("shipped", "ship"): "order_already_shipped",
    ("shipped", "cancel"): "order_already_shipped",
    ("cancelled", "pay"): "order_is_cancelled",
    ("cancelled", "ship"): "order_is_cancelled",
    ("cancelled", "cancel"): "order_is_cancelled",
}


@dataclass(slots=True)
class KnownOrder:
    """An order as its customer knows it."""

    customer_id: str
    articles: int
    total: Decimal
    status: str = "placed"
    paid: Decimal = Decimal(0)
    events: int = 1
    doubt: "Verb | None" = None
    """A command that got no answer: it happened whole, or not at all."""

    def refusal(self, verb: Verb) -> str | None:
        """The code that a command has to be refused with; None when it has to be accepted."""
        return _REFUSED.get((self.status, verb))

    def accepted(self, verb: Verb) -> None:
        """Note that a command was accepted."""
        self.status = _ACCEPTED[self.status, verb]
        self.events += 1
        if verb == "pay":
            self.paid = self.total
        elif verb == "cancel":
            self.paid = Decimal(0)

    def settle(self, status: str) -> bool:
        """Resolve the doubt by what the log says.

        Args:
            status: What the events of the order come to.

        Returns:
            Whether that is one of the states it may be in.
        """
        verb, self.doubt = self.doubt, None
        if verb is not None and self.refusal(verb) is None and status == _ACCEPTED[self.status, verb]:
            self.accepted(verb)
        return self.status == status


@dataclass(slots=True)
class Totals:
    """What a customer's orders come to."""

    orders: int = 0
    cancelled: int = 0
    ordered: Decimal = Decimal(0)
    paid: Decimal = Decimal(0)


@dataclass(slots=True)
class Ledger:
    """The orders that were accepted, by id."""

    orders: dict[str, KnownOrder] = field(default_factory=dict[str, KnownOrder])
    doubtful: list[KnownOrder] = field(default_factory=list[KnownOrder])
    """Orders that were placed without an answer: nobody knows their ids."""

    @property
    def events(self) -> int:
        """How many events the accepted commands imply."""
        return sum(order.events for order in self.orders.values())

    def customers(self) -> dict[str, Totals]:
        """What the orders come to, by customer."""
        found: dict[str, Totals] = {}
        for order in self.orders.values():
            totals = found.setdefault(order.customer_id, Totals())
            totals.orders += 1
            totals.paid += order.paid
            if order.status == "cancelled":
                totals.cancelled += 1
            else:
                totals.ordered += order.total
        return found
