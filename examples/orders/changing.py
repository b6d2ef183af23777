"""How every command that changes an order goes about it."""

from collections.abc import Callable
from uuid import UUID

from examples.orders.domain import Order
from twofold import Failure, Refused, Repository, Result, Success


async def change(
    orders: Repository[Order], order_id: UUID, decide: Callable[[Order], Result[None, Refused]]
) -> Result[None, Refused]:
    """Load an order, let it decide, and save what it recorded.

    Args:
        orders: Where orders are.
        order_id: Which order.
        decide: What it is asked.

    Returns:
        What it said, or that there is no such order.
    """
    match await orders.get(order_id):
        case Failure() as missing:
            return missing
        case Success(order):
            decided = decide(order)
            if decided.is_success:
                await orders.save(order)
            return decided
