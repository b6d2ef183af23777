"""What an observer is told when a subscription has failed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A failure of a subscription.

    Args:
        subscription: Its name.
        position: The last position it had dealt with.
        error: What went wrong.
        failures: How often in a row it has failed, with this time.
        parked: Whether it has put the event aside, after the last of these times.
    """

    subscription: str
    position: int
    error: Exception
    failures: int
    parked: bool = False


Observer: TypeAlias = Callable[[Trouble], None]
"""Told of every failure."""
