"""Reading events without their metadata, where a log can, and decoding them alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import pytest

from twofold.errors import Undecodable
from twofold.messages import Catalogue, Context, Event, Origin, entered
from twofold.store import Append, Batch, Log, MemoryStore, Recorded, StoreFront, TenantStore, decode_events, read_stored
from twofold.testing._store_case import append, draft

pytestmark = pytest.mark.anyio


@final
class Bare:
    """A log that reads events without their metadata; it notes who asks."""

    def __init__(self, behind: Log) -> None:
        self._behind = behind
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)

    async def read_stored(self, stream: str, *, after: int = 0, limit: int = 1000) -> Sequence[Recorded]:
        self.asked += 1
        return await self._behind.read_stream(stream, after=after, limit=limit)


class BareStore(StoreFront):
    """A store with such a log."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self.bare = Bare(self.behind.log)

    @property
    def log(self) -> Any:
        return self.bare


async def test_a_log_that_can_is_asked_without_metadata() -> None:
    """Whoever folds gets what such a log has, and of any other log the whole entries."""
    store = BareStore()
    await store.start()
    await store.commit(append("a", 2))
    assert [one.version for one in await read_stored(store.log, "a", after=1)] == [2]
    assert store.bare.asked == 1
    assert [one.version for one in await read_stored(store.behind.log, "a")] == [1, 2]
    await store.stop()


async def test_what_stands_in_front_is_not_passed_by() -> None:
    """A log that hides something of the one behind it needs the metadata for that, and is asked as a whole."""
    store = BareStore()
    await store.start()
    await store.commit(Batch((Append("a", (draft()._replace(headers={"tenant": "other"}),)),)))
    assert len(await read_stored(store.log, "a")) == 1
    with entered(Context(Origin(tenant="ours"))):
        assert await read_stored(TenantStore(store).log, "a") == ()
    assert store.bare.asked == 1
    await store.stop()


class Veil:
    """What stands in front of a log, shows nothing of a stream, and passes on all else."""

    def __init__(self, behind: Log) -> None:
        self._behind = behind

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)

    async def read_stream(self, stream: str, *, after: int = 0, limit: int = 1000) -> Sequence[Recorded]:
        return ()


async def test_what_passes_everything_on_is_not_passed_by_either() -> None:
    """It has the ability of the log behind it, by name, and is asked by what it is."""
    store = BareStore()
    await store.start()
    await store.commit(append("a"))
    veil: Any = Veil(store.log)
    assert await read_stored(veil, "a") == ()
    assert store.bare.asked == 0
    await store.stop()


def test_an_event_that_cannot_be_read_is_placed() -> None:
    """The error says at which version and position it stands."""

    @dataclass(frozen=True)
    class Happened(Event):
        number: int

    catalogue = Catalogue()
    kind = catalogue.add(Happened)
    bad = Recorded(9, "a", 1, draft().id, kind.name, 1, b'{"number": "none"}', {}, draft().time)
    with pytest.raises(Undecodable, match="number") as raised:
        decode_events(catalogue, [bad])
    assert (raised.value.position, raised.value.version) == (9, 1)
