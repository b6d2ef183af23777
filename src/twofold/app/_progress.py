"""How far a subscription of a running application has come."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a subscription stands.

    Args:
        name: The projection's or reaction's name.
        position: The last position it has dealt with.
        head: The head of the log when this was asked.
        failures: How often in a row it has failed; 0 when all is well.
        error: What it failed with last, as text for an operator; empty when all is well.
        status: What this process does for a projection when it does not simply follow: why it stands aside, say.
    """

    name: str
    position: int
    head: int
    failures: int = 0
    error: str = ""
    status: str = ""

    @property
    def lag(self) -> int:
        """How many positions it is behind."""
        return max(0, self.head - self.position)
