"""A service that receives what is paid elsewhere and writes invoices, and what others send it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.until import until
from twofold import App, Event, EventBus, Module
from twofold.clock import new_id
from twofold.messaging import Outgoing
from twofold.store import Recorded


@dataclass(frozen=True, kw_only=True)
class Paid(Event):
    """Something was paid, as the service that receives it knows it."""

    order_id: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class Invoiced(Event):
    """An invoice was written."""

    order_id: str
    amount: int


def billing(place: str = "orders", **options: Any) -> Module:
    """A module that receives what is paid, and writes an invoice for it.

    Args:
        place: Where it comes from.
        options: More of `consumes`.
    """
    module = Module("billing")
    module.events(Invoiced)
    module.consumes(Paid, from_=place, **options)

    @module.on(Paid)
    async def write_invoice(event: Paid, events: EventBus) -> None:
        (await events.publish(Invoiced(order_id=event.order_id, amount=event.amount))).unwrap()

    return module


def message(
    order: str = "o-1",
    amount: int = 1,
    *,
    place: str = "orders",
    data: bytes | None = None,
    without: str = "",
    **attributes: str,
) -> Outgoing:
    """What another service sends.

    Args:
        order: The order, whose stream it belongs to.
        amount: What was paid.
        place: Where to.
        data: What it says, when it is not that.
        without: An attribute that it does not have.
        attributes: Those that it has otherwise.
    """
    facts: Mapping[str, str] = {
        "specversion": "1.0",
        "id": str(new_id()),
        "source": "/shop",
        "type": "paid",
        "subject": f"order-{order}",
        "datacontenttype": "application/json",
        "schemaversion": "1",
        **attributes,
    }
    said = {name: value for name, value in facts.items() if name != without}
    body = f'{{"order_id":"{order}","amount":{amount}}}'.encode() if data is None else data
    return Outgoing(f"{place}.paid", facts["id"], facts["subject"], said, body)


async def recorded(app: App, name: str = "paid") -> list[dict[str, Any]]:
    """The events of a name that an application has in its log, in their order."""
    head = await app.store.log.head()
    entries = await app.store.log.read(0, until=head, limit=100_000)
    kind = app.router.catalogue.named(name)
    return [vars(kind.decode(entry.data)) for entry in entries if entry.type == name]


async def orders(app: App, name: str = "paid") -> list[tuple[str, int]]:
    """What was recorded, in short."""
    return [(one["order_id"], one["amount"]) for one in await recorded(app, name)]


async def entries(app: App) -> list[Recorded]:
    """The log."""
    return [*await app.store.log.read(0, until=await app.store.log.head(), limit=1000)]


def copy(one: Outgoing) -> Outgoing:
    """A message that the broker does not know for a copy, with the id of another one."""
    return one._replace(id=str(new_id()))


async def tried(app: App, times: int) -> None:
    """Return once the first parked message was tried so often."""

    async def is_tried() -> bool:
        return (await app.parked.list())[0].attempts >= times

    await until(is_tried)
