"""Which events somebody may follow: what a query answers, for a door that can send them as they come."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Feed:
    """Events of the log, as the answer of a query: its policies say who may follow them, and its handler which ones.

    The web sends them to whoever accepts `text/event-stream`, those of the sender's own tenant alone.

    Args:
        events: Their classes.
        tags: Tags, all of which an event must carry: `customer:7f3`.
        after: The position behind which they begin for somebody who has seen none; None: with those that come from now.

    Example:
        >>> @orders.handler(authorize=signed_in)
        ... async def follow_orders(query: FollowOrders) -> Feed:
        ...     return Feed(events=(OrderPlaced, OrderPaid), tags=frozenset({f"customer:{query.customer_id}"}))
    """

    events: tuple[type, ...]
    tags: frozenset[str] = frozenset()
    after: int | None = None
