"""The error of whoever has to catch up, and comes to an event that cannot be handled."""

import traceback
from pathlib import Path
from typing import ClassVar

from twofold.errors import WiringError
from twofold.store import Recorded


class EventNotHandled(WiringError):
    """An event cannot be handled, and what comes after it waits for that; what came before it is done.

    Args:
        name: The checkpoint of who should have handled it.
        event: The event.
        cause: What was raised.
    """

    code: ClassVar[str] = "event_not_handled"

    def __init__(self, *, name: str, event: Recorded, cause: Exception) -> None:
        super().__init__()
        self.name, self.type, self.stream, self.position = name, event.type, event.stream, event.position
        self.cause = f"{type(cause).__qualname__}: {cause}"
        self.raised_at = _place(cause)

    @property
    def detail(self) -> str:
        event = f"{self.type!r} at position {self.position}, of stream {self.stream!r}"
        return f"{self.name!r} cannot handle {event}: {self.cause} ({self.raised_at})"

    @property
    def hint(self) -> str:
        return "mend what handles it and run this again: it goes on there; what was live before is untouched"


def _place(cause: Exception) -> str:
    frames = traceback.extract_tb(cause.__traceback__)
    frame = next((one for one in reversed(frames) if "site-packages" not in one.filename), frames[-1])
    return f"{Path(frame.filename).name}:{frame.lineno}"
