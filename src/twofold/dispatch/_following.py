"""How a reaction follows what is committed, and as whom; declared beside its handler, and read by what runs it."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from twofold.errors import WiringError
from twofold.messages import Principal

Start: TypeAlias = Literal["beginning", "now"] | int
"""Where a new follower of the log starts: before the first event, behind the last one, or behind a position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """How a reaction follows what is committed.

    Args:
        start: Where it starts when it is new.
        partitions: Into how many equal shares of the streams it is cut; each is followed by itself, in the order of its
            streams.
        tags: Tags that an event must all carry.
        stream: The stream that an event must belong to, or the beginning of its name with `*` at the end.
        durable: Whether it follows the log; otherwise it is run once, where the event was committed.
        principal: Whom it sends messages as; nobody unless given.

    Raises:
        WiringError: One of them is out of its range, or about the log, and it is not durable.
    """

    start: Start = "beginning"
    partitions: int = 1
    tags: frozenset[str] = frozenset()
    stream: str | None = None
    durable: bool = True
    principal: Principal | None = None

    def __post_init__(self) -> None:
        if self.partitions < 1:
            raise WiringError(f"a reaction cannot be cut into {self.partitions} partitions: give it 1 or more")
        known = self.start in ("beginning", "now") if isinstance(self.start, str) else self.start >= 0
        if not known:
            raise WiringError(f"a reaction cannot start at {self.start!r}: say 'beginning', 'now' or a position")
        if not self.durable and (self.start != "beginning" or self.partitions != 1):
            raise WiringError("a reaction cannot have a start= or partitions= without the log: it is not durable")


FROM_THE_BEGINNING = Following()
