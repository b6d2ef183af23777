"""How long a message may take, and the moment until which its sender waits: it only comes nearer on the way down."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from twofold.reliability._values import seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeout:
    """How long a message may take.

    Example:
        >>> Timeout.of(1.5).seconds
        1.5
    """

    seconds: float = field(kw_only=False)
    """From when it is sent until its work is done, in seconds."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "seconds", seconds("Timeout(seconds=)", self.seconds))

    @classmethod
    def of(cls, value: Any) -> "Timeout":
        """The settings that a shorthand means: seconds, or settings as they are.

        Raises:
            WiringError: It is neither.
        """
        return value if isinstance(value, cls) else cls(seconds=seconds("timeout", value))


class Timeouts(Protocol):
    """What ends work at its deadline; a team or a test puts its own here."""

    def within(self, deadline: float | None) -> AbstractContextManager[None]:
        """A block that is cancelled at its deadline, at whatever it awaits.

        Args:
            deadline: A moment of the monotonic clock; None for none.

        Raises:
            TimedOut: The deadline has passed, before the block or inside it.
        """
        ...


def deadline_of(parent: float | None, timeout: float | None, now: float) -> float | None:
    """The deadline of a message: its own, or that of the message which sent it when that is earlier.

    Args:
        parent: The deadline it is sent under; None for none.
        timeout: How long it may take itself, in seconds; None for any time.
        now: The monotonic clock.
    """
    if timeout is None:
        return parent
    own = now + timeout
    return own if parent is None or own < parent else parent
