"""Where an application keeps what it has: everything in one store, or what queries read in a store of its own.

The log, the state of commands, reactions and their checkpoints are the write side. Projections that follow the log, the
checkpoints of writers, and views are the read side.
"""

from collections.abc import Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, NamedTuple, TypeVar, final

from twofold.app._database import read_database_of, store_of
from twofold.app._role import Role
from twofold.store import Log, ReadableStore, ReplicatedStore, Store, foundation
from twofold.subscriptions import Cut, LogReplaced, Subscriber

T = TypeVar("T")

DATABASE: Final = "database"
READ_DATABASE: Final = "read database"


@final
class Stores(NamedTuple):
    """The stores of an application.

    Args:
        write: Where its log is.
        read: Where its read models are; the same unless it has a read database.
        logless: Whether this process leaves the write store closed.
        readless: Whether this process serves while the read store is away.
    """

    write: Store
    read: Store
    logless: bool = False
    readless: bool = False

    @property
    def apart(self) -> bool:
        """Whether the two sides are in two stores."""
        return self.read is not self.write

    @property
    def log(self) -> Log | None:
        """The log as it is kept, for whoever reads nothing of its events; None where it is out of reach."""
        return None if self.logless else foundation(self.write).log

    @property
    def opened(self) -> list[Store]:
        """The stores that this process opens."""
        return list(self.named.values())

    @property
    def named(self) -> dict[str, Store]:
        """The stores that this process opens, by what they are to an operator."""
        if not self.apart:
            return {DATABASE: self.write}
        reading: dict[str, Store] = {READ_DATABASE: self.read}
        return reading if self.logless else {DATABASE: self.write, **reading}

    @property
    def needed(self) -> "Stores":
        """The same, without the store that what this process serves can do without."""
        return Stores(write=self.write, read=self.write) if self.readless else self

    def split(self, read: Iterable[T], write: Iterable[T]) -> list[tuple[Store, tuple[T, ...]]]:
        """Each store that this process opens, with what it has of the two sides."""
        if not self.apart:
            return [(self.write, (*read, *write))]
        reading = (self.read, tuple(read))
        return [reading] if self.logless else [reading, (self.write, tuple(write))]

    @property
    def copies(self) -> ReplicatedStore | None:
        """What reads from copies that may be behind; None when everything is read where it is written."""
        read = foundation(self.read)
        return read if isinstance(read, ReplicatedStore) and read.replicated else None

    async def start(self) -> None:
        """Open them, all or none, and see that nobody has come farther than the log.

        Raises:
            StoreUnavailable: One cannot be opened.
            LogReplaced: An older backup of the log was restored: what is recorded now would take positions again.
        """
        async with AsyncExitStack() as undoing:
            for store in self.opened:
                await store.start()
                undoing.push_async_callback(store.stop)
            if not self.logless:
                await self.prove_whole()
            undoing.pop_all()

    async def prove_followed(self, followers: Iterable[Subscriber]) -> None:
        """See that none of those in the read database has come farther, by whatever log, than this one goes.

        What has is of another address, or of a log that was made anew. It is not looked at when somebody administers:
        building it anew is what mends it.

        Args:
            followers: What fills the read database.

        Raises:
            LogReplaced: One of them followed another log.
        """
        if self.logless or not self.apart:
            return
        names = {cut.name for one in followers for cut in Cut.all_of(one.name, one.partitions)}
        found = [one for one in await self.read.checkpoints.all() if one.name in names]
        head = await self.write.log.head()  # asked last: it only grows
        for one in found:
            if one.position > head:
                raise LogReplaced(name=one.name, position=one.position, head=head)

    async def prove_whole(self) -> None:
        """See that nobody has come farther than the log.

        Raises:
            LogReplaced: Somebody has: an older backup of the log was restored.
            StoreUnavailable: Nobody can tell now.
        """
        log = self.write.log
        epoch = await log.epoch()
        followers = [one for store in self.opened for one in await store.checkpoints.all() if one.epoch == epoch]
        head = await log.head()  # asked last: it only grows
        for one in followers:
            if one.position > head:
                raise LogReplaced(name=one.name, position=one.position, head=head, shorter=True)

    async def stop(self) -> None:
        """Close them."""
        async with AsyncExitStack() as closing:
            for store in self.opened:
                closing.push_async_callback(store.stop)


def stores_of(
    database: "str | Path | Store | None",
    read_database: "str | Path | Store | None",
    *,
    name: str,
    role: Role,
    migrate: bool = True,
) -> Stores:
    """The stores that settings mean.

    Args:
        database: The database of the write side; see `store_of`.
        read_database: The database of the read side; see `read_database_of`.
        name: The name of the application.
        role: What this process does.
        migrate: Whether they upgrade their own tables when they start; see `store_of`.

    Raises:
        WiringError: No driver knows an address, or it is known to one process only, or a store upgrades its tables.
    """
    shared = role is not Role.ALL
    reading = read_database_of(read_database, database)
    write = _for(role, store_of(database, name, shared=shared, migrate=migrate))
    if reading is None:
        return Stores(write=write, read=write)
    read = _for(role, store_of(reading, name, shared=shared, migrate=migrate))
    apart = read is not write
    return Stores(write=write, read=read, logless=apart and not role.writes, readless=apart and not role.reads)


def _for(role: Role, store: Store) -> Store:
    return store.read_only() if not role.writes and isinstance(store, ReadableStore) else store
