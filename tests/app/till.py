"""A till: what it takes must be taken once, however often it is told to."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from twofold import App, Command, CommandBus, Event, EventBus, FromContext, Module, Refused, Result, Success
from twofold.clock import new_id


@dataclass(frozen=True, kw_only=True)
class Slip:
    """What one gets for it."""

    id: UUID
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class Pay(Command[Slip]):
    """Take some money."""

    amount: Decimal
    account: str = "ada"
    notes: frozenset[str] = frozenset()
    request: Annotated[str, FromContext("correlation_id")] = ""


@dataclass(frozen=True, kw_only=True)
class Tip(Command[None]):
    """Take some more; nothing is answered."""

    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class PayAll(Command[list[UUID]]):
    """Take money several times, each time by a command of its own."""

    amounts: tuple[Decimal, ...]


@dataclass(frozen=True, kw_only=True)
class Paid(Event):
    """Money was taken."""

    amount: Decimal


class Till:
    """An application, what its handlers have begun, and what holds them up.

    Args:
        options: Of the handler of `Pay`.
    """

    def __init__(self, **options: Any) -> None:
        self.begun: list[object] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.started = asyncio.Event()
        self.refusals = 0
        self.module = module = Module("till")
        module.events(Paid)
        module.register(Pay, self.pay, **options)
        module.register(Tip, self.tip)
        module.register(PayAll, self.pay_all)

    def app(self, database: Any = None, **settings: Any) -> App:
        """The application."""
        return App("till", modules=[self.module], database=database or "memory:", **settings)

    async def pay(self, command: Pay, events: EventBus) -> Result[Slip, Refused]:
        """Take the money, once the gate is open."""
        self.begun.append(command)
        self.started.set()
        await self.gate.wait()
        if self.refusals:
            self.refusals -= 1
            raise Refused("not today")
        (await events.publish(Paid(amount=command.amount))).unwrap()
        return Success(Slip(id=new_id(), amount=command.amount))

    async def tip(self, command: Tip, events: EventBus) -> None:
        """Take the money, and say nothing."""
        self.begun.append(command)
        (await events.publish(Paid(amount=command.amount))).unwrap()

    async def pay_all(self, command: PayAll, commands: CommandBus) -> list[UUID]:
        """Take the money, one after the other; one that is refused is passed over."""
        self.begun.append(command)
        slips = [await commands.execute(Pay(amount=amount)) for amount in command.amounts]
        return [slip.value.id for slip in slips if slip.is_success]


async def taken(app: App) -> int:
    """How many events there are; where the log ends says less, since what is rolled back may leave holes."""
    log = app.store.log
    return len(await log.read(0, until=await log.head(), limit=1000))
