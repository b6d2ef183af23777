"""What the tests of units of work share: events, a store that notes what it is asked, and a session that notes too."""

from collections.abc import Sequence
from dataclasses import dataclass

from twofold.errors import StoreUnavailable
from twofold.messages import Catalogue, Context, Event
from twofold.store import MemoryStore, Recorded, UnitOfWork


@dataclass(frozen=True, kw_only=True)
class Happened(Event):
    """An event."""

    n: int = 0


@dataclass(frozen=True, kw_only=True)
class Attempted(Event):
    """An event that outlives a roll-back."""


class SpySession:
    """A session that notes what happens to it."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    async def flush(self) -> None:
        """Note it."""
        self.notes.append("flush")

    async def savepoint(self) -> None:
        """Note it."""
        self.notes.append("savepoint")

    async def release(self) -> None:
        """Note it."""
        self.notes.append("release")

    async def undo(self) -> None:
        """Note it."""
        self.notes.append("undo")

    async def close(self) -> None:
        """Note it."""
        self.notes.append("close")


class BrokenSession(SpySession):
    """A session whose database has gone."""

    async def savepoint(self) -> None:
        """Fail."""
        raise StoreUnavailable("gone")


def new_unit(store: MemoryStore, context: Context | None = None) -> UnitOfWork:
    """A unit that knows the events of this file."""
    return UnitOfWork(store, known(), context or Context())


def known() -> Catalogue:
    """A catalogue of the events of this file."""
    catalogue = Catalogue()
    catalogue.add(Happened)
    catalogue.add(Attempted)
    return catalogue


async def written(store: MemoryStore) -> Sequence[Recorded]:
    """The whole log."""
    return await store.log.read(0, until=await store.log.head(), limit=1000)


async def types(store: MemoryStore) -> list[str]:
    """The types of all events in the log."""
    return [entry.type for entry in await written(store)]


async def begun(unit: UnitOfWork) -> SpySession:
    """Join a session to a unit, and have its transaction begin, as the first statement does."""
    session = SpySession()
    unit.participant(lambda transaction: session)
    await unit.transaction.run(lambda tables: None)
    return session
