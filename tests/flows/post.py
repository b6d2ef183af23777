"""An application that publishes over a real broker, and dies or waits between a confirmation and its checkpoint."""

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.until import until
from twofold import App, Event, Module
from twofold.drivers.nats import NatsBroker
from twofold.messaging import Outcome, Outgoing


@dataclass(frozen=True, kw_only=True)
class Posted(Event):
    """An event that leaves."""

    number: int


class Doomed:
    """A broker in whose process something happens once JetStream has confirmed, and nobody here knows it yet.

    Args:
        broker: What publishes.
    """

    def __init__(self, broker: NatsBroker) -> None:
        self._broker = broker
        self._left = int(os.environ.get("POST_KILL_AFTER", "-1"))
        self._gate = os.environ.get("POST_GATE")

    async def publish(self, messages: Sequence[Outgoing]) -> Sequence[Outcome]:
        """Publish; then die, when it is time, or wait until the gate is open."""
        outcomes = await self._broker.publish(messages)
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        if self._gate is not None:
            gate = Path(self._gate)
            (gate / f"given-{os.getpid()}").touch()
            await until((gate / "open").exists, within=600)
        return outcomes

    async def close(self) -> None:
        """Close it."""
        await self._broker.close()


post = Module("post")
post.publishes(Posted, to=os.environ.get("POST_PLACE", "post"))

app = App(
    "post",
    modules=[post],
    broker=Doomed(NatsBroker(os.environ.get("POST_BROKER", "nats://127.0.0.1:1"))),
    lease=float(os.environ.get("POST_LEASE", "5")),
)
