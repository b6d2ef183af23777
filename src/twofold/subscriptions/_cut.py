"""A subscription that is cut into parts, and what the parts of an earlier cut have left.

The checkpoints of another cut say what was handled before the number of parts was changed: an event is passed over when
the part that it belonged to then has dealt with it, so nothing is lost and nothing is handled twice.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import final

from twofold.store import Checkpoint, Parked, Selection, part_of

_NAME = re.compile(r"(?P<base>.*)\[(?P<index>\d+)/(?P<count>\d+)\]")


@final
@dataclass(frozen=True, slots=True)
class Cut:
    """One part of a subscription, or the whole of one that is not cut.

    Args:
        base: The name of the subscription.
        index: Which part it is.
        count: How many there are.
    """

    base: str
    index: int = 0
    count: int = 1

    @classmethod
    def all_of(cls, base: str, count: int) -> "list[Cut]":
        """All parts of a subscription."""
        return [cls(base, index, count) for index in range(count)]

    @classmethod
    def named(cls, name: str) -> "Cut":
        """The part whose checkpoint has this name."""
        found = _NAME.fullmatch(name)
        return cls(name) if found is None else cls(found["base"], int(found["index"]), int(found["count"]))

    @property
    def name(self) -> str:
        """The name of its checkpoint."""
        return self.base if self.count == 1 else f"{self.base}[{self.index}/{self.count}]"

    def of(self, selection: Selection) -> Selection:
        """Of some events those that belong to it."""
        return selection if self.count == 1 else replace(selection, part=(self.index, self.count))

    def takes(self, stream: str) -> bool:
        """Whether a stream belongs to it."""
        return self.count == 1 or part_of(stream, self.count) == self.index

    def others(self, checkpoints: Iterable[Checkpoint]) -> list[Checkpoint]:
        """The checkpoints of earlier cuts of the same subscription, with those of parts that never began."""
        known = {Cut.named(one.name): one for one in checkpoints}
        counts = {cut.count for cut in known if cut.base == self.base} - {self.count}
        parts = (Cut(self.base, index, count) for count in sorted(counts) for index in range(count))
        return [known.get(part) or Checkpoint(name=part.name) for part in parts]

    def inherited(self, parked: Sequence[Parked]) -> tuple[Parked, ...]:
        """Of what an earlier cut has put aside, what belongs to this part now."""
        return tuple(one._replace(subscription=self.name) for one in parked if self.takes(one.stream))


def dealt_with(position: int, stream: str, others: Iterable[Checkpoint]) -> bool:
    """Whether an earlier cut has dealt with an event.

    Args:
        position: The event's place in the log.
        stream: Its stream.
        others: The checkpoints of earlier cuts.
    """
    return any(position <= one.position and Cut.named(one.name).takes(stream) for one in others)
