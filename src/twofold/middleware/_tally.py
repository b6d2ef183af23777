"""What a meter may do beside keeping times: count what stages do and refusals by their code, show how things stand."""

from collections.abc import Callable
from typing import Protocol, TypeAlias, runtime_checkable

Tally: TypeAlias = Callable[[str, str], None]
"""Notes one thing: what happened, in the plural, and the wire name of the message."""

Level: TypeAlias = Callable[[str, str, float], None]
"""Notes how something stands: what it is, whose, and a number."""

Refusal: TypeAlias = Callable[[str, str], None]
"""Notes that a command or query was refused: the wire name of the message, and a code."""


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


@runtime_checkable
class LevelMeter(Protocol):
    """A meter that shows how things stand, too: an ability that not every one has."""

    def level(self, what: str, whose: str, value: float) -> None:
        """Note how something stands.

        Args:
            what: What it is: `breaker_state`.
            whose: The name of the one that stands so.
            value: How.
        """
        ...


def level_of(meter: object) -> Level:
    """What shows how things stand for a meter; nothing does when it shows nothing."""
    return meter.level if isinstance(meter, LevelMeter) else _unseen


@runtime_checkable
class RefusalMeter(Protocol):
    """A meter that counts refusals by their code, too: an ability that not every one has."""

    def refused(self, message: str, code: str) -> None:
        """Note that a command or query ended as a Failure.

        Args:
            message: Its wire name.
            code: The code of its error's class: `circuit_open`. There are few, and none holds a text of an error.
        """
        ...


def refusal_of(meter: object) -> Refusal:
    """What counts refusals for a meter; nothing does when it does not count them."""
    return meter.refused if isinstance(meter, RefusalMeter) else _nobody


def _unseen(what: str, whose: str, value: float) -> None:
    return None


def _nobody(one: str, other: str) -> None:
    return None
