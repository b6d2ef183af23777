"""An event together with its entry in the log."""

from typing import Any, NamedTuple

from twofold.store._recorded import Recorded


class Fact(NamedTuple):
    """An event with what the log says of it.

    Args:
        event: The event.
        recorded: Its entry in the log; inside the transaction that appends it, its position is 0, and its version too
            when the append takes any version.
    """

    event: Any
    recorded: Recorded
