"""What customers are told of their orders: reactions to events, which are given each at least once.

So a notice has a key, by which whoever delivers it knows it again.
"""

import logging
from typing import Protocol

from examples.orders.domain import OrderCancelled, OrderShipped
from twofold import Module

notices = Module("orders.notices")

_log = logging.getLogger("orders.notices")


class Notices(Protocol):
    """Delivers notices to customers."""

    async def send(self, text: str, *, key: str) -> None: ...


class LoggedNotices:
    """Those that are only written to the log."""

    async def send(self, text: str, *, key: str) -> None:
        _log.info("%s: %s", key, text)


notices.provide(Notices, LoggedNotices, scope="app")


@notices.on(OrderShipped)
async def tell_of_shipment(event: OrderShipped, delivery: Notices) -> None:
    await delivery.send(f"on its way: {event.tracking_code}", key=f"shipped-{event.order_id}")


@notices.on("order_cancelled")
async def tell_of_refund(event: OrderCancelled, delivery: Notices) -> None:
    """By the name of the event, as one that another module owns can be asked for."""
    if event.refund:
        await delivery.send(f"{event.refund} is paid back", key=f"refunded-{event.order_id}")
