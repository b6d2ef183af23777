"""An application that receives over a real broker, and dies or waits between what it does and what it acknowledges."""

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.until import until
from twofold import App, Event, EventBus, Module
from twofold.drivers.nats import NatsBroker
from twofold.messaging import Incoming, Outcome, Outgoing, Queue, Waiting


@dataclass(frozen=True, kw_only=True)
class Rung(Event):
    """An event of another service."""

    number: int


@dataclass(frozen=True, kw_only=True)
class Booked(Event):
    """What comes of it."""

    number: int


class Doomed:
    """A broker in whose process something happens once messages are recorded, and the server does not know it yet.

    Args:
        broker: What receives.
    """

    def __init__(self, broker: NatsBroker) -> None:
        self._broker = broker
        self._left = int(os.environ.get("TILL_KILL_AFTER", "-1"))
        self._gate = os.environ.get("TILL_GATE")

    async def publish(self, messages: Sequence[Outgoing]) -> Sequence[Outcome]:
        """Publish."""
        return await self._broker.publish(messages)

    async def receive(self, queue: Queue, most: int, within: float) -> Sequence[Incoming]:
        """Receive a few; then wait until the gate is open."""
        found = await self._broker.receive(queue, min(most, 20), within)
        if found and self._gate is not None:
            gate = Path(self._gate)
            (gate / f"taken-{os.getpid()}").touch()
            await until((gate / "open").exists, within=600)
        return found

    async def settle(self, queue: Queue, messages: Sequence[Incoming]) -> None:
        """Die, when it is time; else settle."""
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        await self._broker.settle(queue, messages)

    async def give_back(self, queue: Queue) -> None:
        """Give back."""
        await self._broker.give_back(queue)

    async def waiting(self, queue: Queue) -> Waiting:
        """Tell what waits."""
        return await self._broker.waiting(queue)

    async def close(self) -> None:
        """Close."""
        await self._broker.close()


till = Module("till")
till.consumes(Rung, from_=os.environ.get("TILL_PLACE", "till"))
till.events(Booked)


@till.on(Rung)
async def book(event: Rung, events: EventBus) -> None:
    """Book it."""
    (await events.publish(Booked(number=event.number))).unwrap()


broker = Doomed(NatsBroker(os.environ.get("TILL_BROKER", "nats://127.0.0.1:4222")))
app = App("till", modules=[till], broker=broker, lease=float(os.environ.get("TILL_LEASE", "5")))
