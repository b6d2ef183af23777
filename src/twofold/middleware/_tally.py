"""Counting what stages do beside handling a message: fallbacks, retries, hits of a cache."""

from collections.abc import Callable
from typing import Protocol, TypeAlias, runtime_checkable

Tally: TypeAlias = Callable[[str, str], None]
"""Notes one thing: what happened, in the plural, and the wire name of the message."""


@runtime_checkable
class CountingMeter(Protocol):
    """A meter that counts what stages do, too: an ability that not every one has."""

    def count(self, what: str, message: str) -> None:
        """Note one thing.

        Args:
            what: What happened, in the plural: `fallbacks`.
            message: The wire name of the message.
        """
        ...


def tally_of(meter: object) -> Tally:
    """What counts for a meter; nothing does when it does not count."""
    return meter.count if isinstance(meter, CountingMeter) else _nobody


def _nobody(what: str, message: str) -> None:
    return None
