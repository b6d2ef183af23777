"""Many who write at once while something breaks, and what must hold of all that they were told."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Final
from uuid import UUID

from twofold.drivers.postgres import PostgresStore
from twofold.errors import Conflict, OutcomeUnknown, StoreUnavailable
from twofold.store import ANY_VERSION, Append, Batch, Condition, Recorded, Selection, selected
from twofold.testing._store_case import draft, prove_in_order, whole_log

_WRITERS: Final = 32
_STREAMS: Final = 24
_TAGS: Final = 40
_BETWEEN: Final = 60
"""How many are acknowledged before something breaks, and after the last time."""


class Load:
    """Thirty-two writers on a few streams: single events, several, at an expected version, and under a condition.

    Args:
        store: Where they write.
    """

    def __init__(self, store: PostgresStore) -> None:
        self._store = store
        self.acknowledged = list[Batch]()
        self.unknown = list[Batch]()
        self._done = asyncio.Event()
        self._more = asyncio.Semaphore(0)

    async def under(self, fault: Callable[[], Awaitable[object]], *, rounds: int) -> None:
        """Write, while something breaks a number of times."""
        async with asyncio.timeout(120), asyncio.TaskGroup() as writers:
            for number in range(_WRITERS):
                writers.create_task(self._write(Random(number)))
            for ends in range(rounds + 1):
                for _ in range(_BETWEEN):
                    await self._more.acquire()
                if ends < rounds:
                    await fault()
            self._done.set()

    async def check(self) -> None:
        """See that the log is what they were told: all of a batch or nothing, and each as its sender demanded."""
        log = await whole_log(self._store)
        prove_in_order(log)
        found = {event.id: event for event in log}
        sent = {event for one in self.acknowledged + self.unknown for event in _events(one)}
        assert found.keys() <= sent
        for one in self.acknowledged:
            assert _events(one) <= found.keys()
            _prove_demands(one, [event for event in log if event.id in _events(one)], log)
        for one in self.unknown:
            assert _events(one) <= found.keys() or not _events(one) & found.keys()
        assert any(one.conditions for one in self.acknowledged)
        assert any(one.appends[0].expected > 0 for one in self.acknowledged)
        assert any(len(one.appends) > 1 for one in self.acknowledged)

    async def _write(self, chance: Random) -> None:
        while not self._done.is_set():
            try:
                await self._commit(await self._some(chance))
            except Conflict:  # so nothing of it is in the log
                await asyncio.sleep(0)
            except StoreUnavailable:  # nor is this; a server that is away comes back no sooner for being asked more
                await asyncio.sleep(0.01)

    async def _commit(self, batch: Batch) -> None:
        try:
            await self._store.commit(batch)
        except OutcomeUnknown:
            self.unknown.append(batch)
        else:
            self.acknowledged.append(batch)
            self._more.release()

    async def _some(self, chance: Random) -> Batch:
        tag, name = f"t:{chance.randrange(_TAGS)}", f"s{chance.randrange(_STREAMS)}"
        event = draft()._replace(tags=(tag,))
        match chance.randrange(4):
            case 0:
                return Batch((Append(name, (event,)),))
            case 1:
                return Batch((Append(name, (event, draft())), Append(f"{name}-beside", (draft(), draft()))))
            case 2:
                stands = await self._store.log.read_stream(name, limit=100_000)
                return Batch((Append(name, (event, draft()), len(stands)),))
            case _:
                condition = Condition(await self._store.log.head(), (Selection(tags=frozenset({tag})),))
                return Batch((Append(name, (event,)),), conditions=(condition,))


def _prove_demands(batch: Batch, written: Sequence[Recorded], log: Sequence[Recorded]) -> None:
    first = written[0]
    expected = batch.appends[0].expected
    assert expected in (ANY_VERSION, first.version - 1)
    for condition in batch.conditions:
        between = (event for event in log if condition.after < event.position < first.position)
        assert not any(selected(event, condition.selections) for event in between)


def _events(batch: Batch) -> set[UUID]:
    return {event.id for append in batch.appends for event in append.events}
