"""What the handlers call, and are given, from elsewhere in their package."""

from tests.app.theatre import events
from twofold import Aggregate, Event, EventBus


async def announce(bus: EventBus, show: str) -> None:
    """Tell everybody."""
    await bus.publish(events.Announced(show=show))


class Stage(Aggregate):
    """Opened, and perhaps burnt."""

    burnt = False

    def open(self) -> None:
        """Open it."""
        self.record(events.Opened())

    def evolve(self, event: Event) -> None:
        """Follow what happened."""
        self.id = "main"
        match event:
            case events.Burnt():
                self.burnt = True
            case _:
                pass


class Cleaning:
    """Records by a bus of its own."""

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus

    async def clean(self) -> None:
        """Clean all of it."""
        await self._bus.publish(events.Cleaned())
