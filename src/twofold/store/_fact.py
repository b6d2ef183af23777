"""An event together with its entry in the log, and the inline projections that are shown it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from twofold.store._recorded import Recorded
from twofold.store._rows import RowChange


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


Inline: TypeAlias = Callable[[Sequence[Fact]], Sequence[RowChange]]
"""What inline projections make of the events of a unit of work."""
