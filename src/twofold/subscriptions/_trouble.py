"""What an observer is told when a subscription has failed."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from twofold.store import Parked


class Trouble(NamedTuple):
    """A failure of a subscription.

    Args:
        subscription: Its name.
        position: That of the event that failed; the last that it had dealt with, where no single event is to blame.
        error: What went wrong.
        failures: How often in a row it has failed, with this time.
        parked: The event that it has put aside, after the last of these times; None while it tries on.
        away: Whether something that it needs is away, so that it tries for as long as that takes.
    """

    subscription: str
    position: int
    error: Exception
    failures: int
    parked: Parked | None = None
    away: bool = False


Observer: TypeAlias = Callable[[Trouble], None]
"""Told of every failure."""
