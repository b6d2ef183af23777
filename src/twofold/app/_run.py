"""One run of an application, from its start to its end: what it opens, what works in it, and how it is closed again."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Final, Self, final

from twofold.app._assembly import Assembly
from twofold.app._closer import Closer
from twofold.app._local import LocalReactions
from twofold.app._personal import prove_keys
from twofold.app._positions import Positions
from twofold.app._prepared import prepare, prove_prepared
from twofold.app._progress import Progress
from twofold.app._readless import Readless
from twofold.app._role import Role
from twofold.app._said import Said
from twofold.app._sealer import keep_trail
from twofold.app._stores import Stores
from twofold.app._versions import Versions
from twofold.app._workers import Workers
from twofold.dispatch import Router
from twofold.errors import TimedOut
from twofold.messaging import Receiver, ReceivingBroker
from twofold.store import UnitFactory, foundation
from twofold.subscriptions import Observer, Owner, Watch, in_time

_REACH: Final = 1.0
"""How long a database is waited for that something was asked of in vain, in seconds."""

_LOOK: Final = 0.02
"""How long to wait before looking again at what is tried again, in seconds."""


@final
class Run:
    """A run of an application.

    Args:
        stores: Its stores; open.
        role: Which part of the application it is.
        workers: What follows the log here.
        local: The reactions that run here beside it; None when there are none.
        versions: What they do for projections.
        positions: Where everything that follows the log stands, wherever it runs.
        readless: Opens the read database, where the process serves without; None where it does not.
        closing: Closes everything, the last first.
    """

    def __init__(
        self,
        stores: Stores,
        role: Role,
        workers: Workers,
        local: LocalReactions | None,
        versions: Versions,
        positions: Positions,
        readless: Readless | None,
        closing: AsyncExitStack,
    ) -> None:
        self.positions = positions
        self._stores = stores
        self._readless = readless
        self._copies = stores.copies
        self._role = role
        self._workers = workers
        self._local = local
        self._versions = versions
        self._closing = closing

    @classmethod
    async def open(
        cls,
        assembly: Assembly,
        stores: Stores,
        router: Router,
        *,
        said: Said,
        new_unit: UnitFactory,
        role: Role,
        observer: Observer | None,
    ) -> Self:
        """Open everything that messages need; whatever fails, everything is closed again.

        Args:
            assembly: What was put together.
            stores: Where the application keeps what it has.
            router: Its handlers and messages.
            said: Its settings.
            new_unit: Makes units of work.
            role: Which part of the application runs.
            observer: Told of failures of subscriptions.

        Raises:
            StoreUnavailable: A store cannot be opened that the process does not serve without.
            LogReplaced: Somebody has come farther than the log.
            MasterKeyMissing: The keys of personal data are encrypted under a master key that is not given.
            MissingExtraError: A package that something needs is not installed.
            NotPrepared: The role leaves it to workers to prepare the database, and none has.
        """
        clock, lease = said.clock, said.lease
        versions = Versions(assembly.projections, stores, router.catalogue, router.settings.classifier)
        tables, needed, readless = stores.split(assembly.read_models, assembly.state), stores.needed, None
        async with AsyncExitStack() as closing:
            await needed.start()
            closing.push_async_callback(needed.stop)
            if stores.readless:
                reading, tables = tables[:1], tables[1:]

                async def proved() -> None:
                    await stores.prove_followed(assembly.filling)
                    await prove_prepared(reading, assembly.projections)

                readless = Readless(stores, proved)
                closing.push_async_callback(readless.stop)
                await readless.begin()
            else:
                await stores.prove_followed(assembly.filling)
            await prove_keys(stores)
            if said.auditing is not None and assembly.refusals is not None:
                keep_trail(said.auditing, stores.write, assembly.refusals, role, clock=clock, closing=closing)
            closing.push_async_callback(assembly.behind.end)
            closing.push_async_callback(assembly.injection.close)
            if assembly.local is not None:
                closing.push_async_callback(assembly.local.end)
            for parts in (assembly.reliability, assembly.caching):
                if parts is not None:
                    await parts.prepare(assembly.injection.services.get)
            if role.works:
                await prepare(tables)
                await versions.prepare()
            else:
                await prove_prepared(tables, assembly.projections)
            router.freeze()
            workers = Workers(
                stores.split(assembly.outside, assembly.reactions) if role.works else (),
                assembly.views if role.works else (),
                _receivers(assembly, said, router, observer),
                stores,
                router.catalogue,
                clock=clock,
                classifier=router.settings.classifier,
                lease=lease,
                observer=versions.told(observer),
                spans=assembly.spans,
            )
            if assembly.broker is not None:
                closing.push_async_callback(assembly.broker.close)
            if assembly.attempts is not None and role.works:
                audited = said.auditing is not None
                closer = Closer(assembly.attempts, stores.write, router, new_unit, clock, audited=audited)
                closing.push_async_callback(closer.stop)
            closing.push_async_callback(workers.stop)
            closing.push_async_callback(versions.stop)
            by_the_clock = [view for view in assembly.views if not view.types]
            followers = stores.split((*assembly.followers, *by_the_clock), assembly.reactions)
            if assembly.caching is not None and not stores.logless:
                await assembly.caching.follow(stores.write)
                closing.push_async_callback(assembly.caching.stop)
            watch = Watch(lease, clock.monotonic)
            unawaited = {view.name: view.every or 0.0 for view in by_the_clock}
            views = {view.name for view in assembly.views if view.types}
            positions = Positions(stores.log, followers, workers.here, watch, clock, unawaited, views)
            return cls(stores, role, workers, assembly.local, versions, positions, readless, closing.pop_all())

    async def begin(self) -> None:
        """Begin to follow and to build versions of projections, where the role does."""
        if self._role.works:
            await self._versions.begin(self._workers)

    async def end(self) -> None:
        """Let the workers finish what they are doing, and close everything, also when a part of that fails."""
        await self._closing.aclose()

    @property
    def superseded(self) -> bool:
        """Whether it can record nothing, since its version of an inline projection has been replaced."""
        return self._versions.superseded

    @property
    def overtaken(self) -> bool:
        """Whether it must record nothing, since its read database was found to be ahead of the log."""
        return self._readless is not None and self._readless.overtaken

    async def away(self, *, needed: bool) -> list[str]:
        """Which of its databases do not answer.

        Args:
            needed: Whether only those are asked that it does not serve without.
        """
        asked = (self._stores.needed if needed else self._stores).named
        heads = await asyncio.gather(*(in_time(foundation(store).log.head, _REACH) for store in asked.values()))
        return [name for name, head in zip(asked, heads, strict=True) if head is None]

    async def needed_progress(self) -> list[Progress]:
        """How far those have come whose checkpoints are where it does not serve without."""
        return await self.positions.progress(self._stores.write)

    async def progress(self) -> list[Progress]:
        """How far projections and reactions have come."""
        if not self._role.works:
            return await self.positions.progress()
        return self._versions.explained(await self._workers.progress(), await self.positions.progress())

    async def settle(self, timeout: float) -> None:
        """Wait until projections and reactions have dealt with everything that is in the log.

        Raises:
            TimedOut: They have not within `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        await self._follow(timeout)
        while self._local is not None and self._local.busy:
            await self._local.settle(deadline - time.monotonic())
            await self._follow(deadline - time.monotonic())

    async def _follow(self, timeout: float) -> None:
        """Wait until what follows the log has dealt with it, and with what is to be tried again."""
        deadline, left = time.monotonic() + timeout, timeout
        while True:
            if self._role.works:
                await self._workers.settle(left)
                await self._versions.settle(deadline - time.monotonic())
            else:
                await self.positions.settle(left)
            late = await self.positions.late()
            if self._role.works:  # what runs nowhere, or elsewhere alone, is waited for by nobody
                late = [name for name in late if name in self._workers.here]
            if not late:
                return
            if (left := deadline - time.monotonic()) <= 0:
                raise TimedOut(f"not settled within {timeout} s: {', '.join(late)} have parked events to try again")
            self._workers.wake(late if self._role.works else ())
            await asyncio.sleep(min(left, _LOOK))

    async def seen(self, names: Iterable[str]) -> int:
        """How far in the log whoever reads from here on sees, at least, in what some projections have made of it."""
        position = await self.positions.reached_by(names)
        if self._copies is not None:
            await self._copies.catch_up(0)
        return position

    async def visible(self, position: int, names: Sequence[str], timeout: float) -> None:
        """Wait until a query may read what some projections have made of everything up to a position.

        Raises:
            NotYetVisible: They have not within `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        await self.positions.wait(position, names, timeout)
        if self._copies is not None:
            await self._copies.catch_up(deadline - time.monotonic())


def _receivers(
    assembly: Assembly, said: Said, router: Router, observer: Observer | None
) -> list[Callable[[Owner], Receiver]]:
    """What makes a receiver for each inbox of this process."""
    broker, classifier = assembly.broker, router.settings.classifier
    if not isinstance(broker, ReceivingBroker):
        return []
    return [
        partial(Receiver, inbox, broker, said.name, clock=said.clock, classifier=classifier, observer=observer)
        for inbox in assembly.inboxes
    ]
