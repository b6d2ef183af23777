"""How a reaction follows the log, as declared beside its handler; what runs it reads this."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from twofold.errors import WiringError

Start: TypeAlias = Literal["beginning", "now"] | int
"""Where a new follower of the log starts: before the first event, behind the last one, or behind a position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """How a reaction follows the log.

    Args:
        start: Where it starts when it is new.
        partitions: Into how many equal shares of the streams it is cut; each is followed by itself, in the order of its
            streams.
        tags: Tags that an event must all carry.
        stream: The stream that an event must belong to, or the beginning of its name with `*` at the end.

    Raises:
        WiringError: One of them is out of its range.
    """

    start: Start = "beginning"
    partitions: int = 1
    tags: frozenset[str] = frozenset()
    stream: str | None = None

    def __post_init__(self) -> None:
        if self.partitions < 1:
            raise WiringError(f"a reaction cannot be cut into {self.partitions} partitions: give it 1 or more")
        if self.start not in ("beginning", "now") and not (isinstance(self.start, int) and self.start >= 0):
            raise WiringError(f"a reaction cannot start at {self.start!r}: say 'beginning', 'now' or a position")


FROM_THE_BEGINNING = Following()
