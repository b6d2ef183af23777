"""Letting the log of an application go on after an older backup of its database was restored; the command line does it.

No process of the application may run: what one records before this is done takes the positions of what was lost.
"""

import asyncio
from collections.abc import Collection
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TypeAlias

from twofold.app._app import App
from twofold.app._stores import Stores
from twofold.errors import Refused, WiringError
from twofold.projections import NEXT, drop, standings
from twofold.store import NOBODY, Checkpoint, Epoch, Rearrangement, RestorableStore, Store, foundation

_Marks: TypeAlias = dict[tuple[int, str], tuple[str, int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A log that goes on, and what follows it from elsewhere and has seen what was lost.

    Args:
        epoch: The new epoch of the log.
        projections: Projections in a read database that have to be built anew.
        writers: Writers that have brought elsewhere what was lost.
    """

    epoch: Epoch
    projections: tuple[str, ...]
    writers: tuple[str, ...]


async def go_on(app: App) -> Restored:
    """Give the log of an application that is not running a new epoch, behind everything that anybody has seen.

    What follows it in the same database came with the backup, and goes on. In a read database that goes on too which
    has seen no more than what was restored; views are refreshed, and what was being built is dropped.

    Args:
        app: The application.

    Raises:
        StartError: It is not sound.
        StoreUnavailable: A store cannot be opened.
        Refused: A process of it is running.
        WiringError: A store cannot be restored.
    """
    assembly, stores = app.assembly, app.stores
    log, read = _restorable(stores.write), _restorable(stores.read)
    async with AsyncExitStack() as closing:
        for store in stores.opened:
            await store.start()
            closing.push_async_callback(store.stop)
        await _refuse_running(stores.opened, app.said.lease)
        epoch = await log.begin_epoch(await _farthest(stores))
        if not stores.apart:
            return Restored(epoch=epoch, projections=(), writers=())
        await read.join_epoch(epoch)
        lost = {one.name for one in await stores.read.checkpoints.all() if one.epoch == epoch.before}
        await _forget(
            stores.read, lost, [one.name for one in assembly.projections], [one.name for one in assembly.views]
        )
        return Restored(
            epoch=epoch,
            projections=tuple(one.name for one in assembly.projections if one.name in lost),
            writers=tuple(one.name for one in assembly.outside if one.name in lost),
        )


def _restorable(store: Store) -> RestorableStore:
    restorable = foundation(store)
    if not isinstance(restorable, RestorableStore):
        raise WiringError(f"a {type(restorable).__qualname__} cannot be restored")
    return restorable


async def _farthest(stores: Stores) -> int:
    """The last position of this log that a checkpoint has seen."""
    own = ("", await stores.write.log.epoch())
    every = [one for store in stores.opened for one in await store.checkpoints.all()]
    return max((one.position for one in every if one.epoch in own), default=0)


async def _refuse_running(opened: Collection[Store], lease: float) -> None:
    """Watch owners for the length of a lease: those that the backup has brought back show no sign of life."""
    seen = await _marks(opened)
    until = asyncio.get_running_loop().time() + lease
    while any(owner != NOBODY for owner, _, _ in seen.values()):
        left = until - asyncio.get_running_loop().time()
        if left <= 0:
            return
        await asyncio.sleep(min(left, lease / 20))
        for mark, now in (await _marks(opened)).items():
            if seen.get(mark) != now:
                raise Refused(f"{now[0] or 'somebody'} follows the log by {mark[1]!r} now: stop every process first")


async def _marks(opened: Collection[Store]) -> _Marks:
    every = [(place, one) for place, store in enumerate(opened) for one in await store.checkpoints.all()]
    return {(place, one.name): _mark(one) for place, one in every}


def _mark(one: Checkpoint) -> tuple[str, int, int]:
    return one.owner, one.token, one.beat


async def _forget(read: Store, lost: Collection[str], projections: Collection[str], views: Collection[str]) -> None:
    """Let views be refreshed, since they hold what other tables do, and drop what was being built."""
    await read.rearrange(Rearrangement(forgets=tuple(name for name in views if name in lost)))
    for name, stands in (await standings(read, list(projections))).items():
        if stands.next.name in lost:
            await drop(name, read, NEXT)
