"""A module that sells, and publishes what is sold."""

from dataclasses import dataclass

from twofold import Command, Event, EventBus, Module


@dataclass(frozen=True, kw_only=True)
class Sell(Command[None]):
    """Sell something."""

    item: str


@dataclass(frozen=True, kw_only=True)
class Sold(Event):
    """Something was sold."""

    item: str
    note: str = ""


def selling(to: str) -> Module:
    """The module.

    Args:
        to: Where what is sold goes.
    """
    module = Module("selling")
    module.publishes(Sold, to=to)

    @module.handler
    async def sell(command: Sell, events: EventBus) -> None:
        (await events.publish(Sold(item=command.item))).unwrap()

    return module
