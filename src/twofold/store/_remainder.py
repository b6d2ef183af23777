"""What is left of the log, dealt with while nothing is recorded: the last step of who catches up with busy writers."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from twofold.errors import ConditionFailed
from twofold.store._batch import Batch
from twofold.store._recorded import Recorded
from twofold.store._selection import Selection

Settle: TypeAlias = Callable[[Sequence[Recorded], int], Batch]
"""Makes of some events, and of the head of the log that they reach to, what deals with them."""

_MOST: Final = 500


class Remainder(NamedTuple):
    """The end of the log behind a position; a store holds back whoever appends until it is dealt with.

    Args:
        after: Up to where the log is dealt with.
        where: The events that matter; None for none of them, when only the head does.
        settle: What deals with them: row changes, moves, and what is put aside. It is run inside the transaction, maybe
            in another thread and more than once: it computes, and nothing else.
        most: How many events it may be at most, so that nobody is held back for long.
    """

    after: int
    where: Selection | None
    settle: Settle
    most: int = _MOST

    def settled(self, events: Sequence[Recorded], head: int) -> Batch:
        """What deals with events: at most one more than `most` of them are to be read for it.

        Raises:
            ConditionFailed: There are more.
        """
        if len(events) > self.most:
            raise ConditionFailed(after=self.after, position=events[-1].position)
        return self.settle(events, head)
