"""Reading everything: what is final, and behind it what can be told as of one moment."""

import pytest

from twofold.store import MemoryStore, Selection, everything, furthest
from twofold.testing._store_case import append

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "head, limit, pages",
    [
        (0, 10, [[1, 2, 3, 4, 5]]),
        (3, 6, [[1, 2, 3, 4, 5]]),
        (5, 2, [[1, 2], [3, 4], [5]]),
        (4, 2, [[1, 2], [3, 4], [5]]),
        (3, 2, [[1, 2], [3]]),
        (5, 5, [[1, 2, 3, 4, 5], []]),
        (3, 5, [[1, 2, 3]]),
        (0, 5, [[]]),
    ],
)
async def test_what_is_behind_the_head_comes_with_the_last_page_or_not_at_all(
    head: int, limit: int, pages: list[list[int]]
) -> None:
    """Of several pages each would show another moment, with what was committed in between left out."""
    store = MemoryStore()
    await store.start()
    await store.commit(append("a", 5))
    found = everything(store.log, [Selection()], head=head, limit=limit)
    assert [[entry.position for entry in page] async for page in found] == pages
    await store.stop()


async def test_whoever_has_nothing_left_to_do_has_dealt_with_what_is_behind_the_head() -> None:
    """Of a log that is final everywhere that is the head."""
    store = MemoryStore()
    await store.start()
    await store.commit(append("a", 5))
    assert await furthest(store.log) == 5
    with pytest.MonkeyPatch.context() as held:
        held.setattr(type(store.log), "head", _two)
        assert await furthest(store.log) == 3
    await store.stop()


async def _two(_: object) -> int:
    return 2
