"""The switch of a projection between inline and async: at the start, its checkpoint is brought in line with its mode.

`App.start` calls it before a message is accepted, so nothing is recorded between the catch-up and the new mode. It must
never run while this application accepts messages.
"""

from collections.abc import Iterable
from contextlib import suppress

from twofold.errors import CheckpointMoved, ConditionFailed, Conflict
from twofold.messages import Catalogue
from twofold.projections import Projection, Projector
from twofold.store import INLINE, Batch, Condition, Move, Selection, Store
from twofold.subscriptions import Subscription


async def switch(projections: Iterable[Projection], store: Store, catalogue: Catalogue) -> None:
    """Let every projection start in its mode with every event of the log in its rows, or before it, once.

    An inline one catches up with the log first; one that was inline and follows now goes on from the head.

    Args:
        projections: The projections whose version is live, in their modes.
        store: Where their rows and checkpoints are.
        catalogue: What events are decoded with.

    Raises:
        Exception: A projection could not catch up; what it has dealt with is kept, and the next start goes on there.
    """
    for projection in projections:
        move = _to_inline if projection.mode == "inline" else _to_async
        stands = (await store.checkpoints.get(projection.name)).position
        while (stands == INLINE) != (projection.mode == "inline"):
            try:
                await move(projection, store, catalogue)
            except Conflict:
                before, stands = stands, (await store.checkpoints.get(projection.name)).position
                if stands == before:
                    raise  # nobody else moved it: the conflict is the projection's own
            else:
                break


async def leave_inline(names: Iterable[str], store: Store) -> None:
    """Let what was inline in a store be as far as the log in it, and go on from there whenever it comes back.

    For projections that follow a log in another store than their rows: nothing is inline any more in either of the two.

    Args:
        names: The names of the projections.
        store: The store.
    """
    for name in names:
        while (stands := await store.checkpoints.get(name)).position == INLINE:
            head, epoch = await store.log.head(), await store.log.epoch()
            move = Move(name, head, INLINE, epoch=epoch, version=stands.version)
            with suppress(CheckpointMoved, ConditionFailed):  # it has grown, or another process does the same
                await store.commit(Batch(moves=(move,), conditions=(Condition(head, (Selection(),)),)))


async def _to_inline(projection: Projection, store: Store, catalogue: Catalogue) -> None:
    reached = await Subscription(Projector(projection, store, catalogue), store, catalogue).catch_up()
    await store.commit(Batch(moves=(Move(projection.name, INLINE, reached, version=projection.version),)))


async def _to_async(projection: Projection, store: Store, _: Catalogue) -> None:
    head = await store.log.head()
    await store.commit(Batch(moves=(Move(projection.name, head, INLINE, version=projection.version),)))
