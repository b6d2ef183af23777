"""What the clients of a load have measured: how many commands, how they ended, how long they took."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """Counts commands.

    Args:
        on_command: Called after each.
    """

    on_command: Callable[[], None] = lambda: None
    sent: int = 0
    accepted: int = 0
    refusals: Counter[str] = field(default_factory=Counter[str])
    """How many were refused, by the mistake that was made on purpose, or else by the code of the problem."""
    unanswered: int = 0
    """How many never got an answer: their outcome is unknown."""
    surprises: list[str] = field(default_factory=list[str])
    """Answers that should have been others."""
    seconds: list[float] = field(default_factory=list[float])
    """How long each accepted command took."""

    def answered(self, *, accepted: bool, why: str, seconds: float) -> None:
        """Count a command that was answered."""
        self.sent += 1
        if accepted:
            self.accepted += 1
            self.seconds.append(seconds)
        else:
            self.refusals[why] += 1
        self.on_command()

    def dropped(self) -> None:
        """Count a command that got no answer."""
        self.sent += 1
        self.unanswered += 1
        self.on_command()


def percentile(values: Sequence[float], share: float) -> float:
    """The value that a share of all values does not exceed; 0 when there are none.

    Args:
        values: In any order.
        share: Between 0 and 1.
    """
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
