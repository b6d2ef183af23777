"""An event together with its entry in the log."""

from dataclasses import dataclass
from typing import Any

from twofold.store._recorded import Recorded


@dataclass(frozen=True, slots=True)
class Fact:
    """An event with what the log says of it.

    Args:
        event: The event.
        recorded: Its entry in the log; inside the transaction that appends it, its position is 0, and its version too
            when the append takes any version.
    """

    event: Any
    recorded: Recorded
