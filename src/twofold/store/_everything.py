"""Everything that a log has for whoever decides or answers now, and not what is final alone.

Behind the head stands what was committed above a transaction that is still open. Who follows the log waits for that
one; who decides must not, since they would not know what they were told a moment ago.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import Final

from twofold.store._log import Log
from twofold.store._recorded import Recorded
from twofold.store._selection import Selection

_NO_END: Final = 2**63 - 1


async def everything(
    log: Log, where: Sequence[Selection], *, head: int, limit: int = 1000
) -> AsyncGenerator[Sequence[Recorded]]:
    """Events from the beginning on, in position order, page by page.

    Args:
        log: The log.
        where: What to return: what any of these selections means.
        head: What `head` answered before. What stands behind it comes with the last page, as of one moment, and not at
            all where that is full.
        limit: How many events a page has.
    """
    after = 0
    while True:
        page = await log.read(after, until=_NO_END, limit=limit, where=where)
        if len(page) < limit:
            yield page
            return
        final = [entry for entry in page if entry.position <= head]
        yield final
        if len(final) < limit:
            return
        after = final[-1].position


async def furthest(log: Log) -> int:
    """A position that whoever has nothing left to do has dealt with: the head, or what is behind it already."""
    head = await log.head()
    behind = await log.read(head, until=_NO_END, limit=1)
    return behind[0].position if behind else head
