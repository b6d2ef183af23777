"""Rows that change for an event which views have seen already: whoever changes them has the views see it again."""

from collections.abc import Sequence

from twofold.projections._projection import Projection
from twofold.store import Checkpoints, Move


async def seen_again(projection: Projection, position: int, checkpoints: Checkpoints) -> Sequence[Move]:
    """What has the views over a projection see an event again, in the batch that changes rows for it.

    Each of them moves, wherever it stands: a refresh that runs meanwhile may have missed the rows, and so must not
    commit. What was never refreshed has nothing to see again, and no place before the first event to move to.

    Args:
        projection: The projection.
        position: The place of the event in the log.
        checkpoints: Where the views stand.
    """
    stand = [await checkpoints.get(view.name) for view in projection.views if view.refresh_on]
    return [Move(one.name, _before(position, one.position), one.position) for one in stand if one.epoch]


def _before(position: int, stands: int) -> int:
    """A place before an event that is not where a view stands, but for one at the start that has to see the first."""
    return min(position, stands) - 1 if stands else min(position - 1, 1)
