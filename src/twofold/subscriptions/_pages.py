"""Taking pages of the log and settling them.

A page that fails is taken again event by event, and what stays wrong is put aside with the rest of its stream.
"""

from collections.abc import Sequence
from typing import final

from twofold.errors import NewerVersion
from twofold.store import Batch, Checkpoint, Recorded, Selection, decode
from twofold.subscriptions._unhandled import EventNotHandled
from twofold.subscriptions._work import Work

_PAGE = 500


@final
class Pages:
    """The pages that one subscription takes.

    Args:
        work: What it works with.
        selection: The events that it is interested in.
        idle: After how many positions without an event of interest its checkpoint moves all the same.
    """

    def __init__(self, work: Work, selection: Selection, idle: int) -> None:
        self._work = work
        self._selection = selection
        self._idle = idle
        self._careful = 0
        """Up to where events are taken one by one."""
        self._failing = 0

    @property
    def failing(self) -> int:
        """The position of the event with which the last step has failed; 0 when it was not one alone."""
        return self._failing

    async def step(self, held: Checkpoint, *, patient: bool = True) -> bool:
        """Take and handle one page; whether there may be more right now."""
        self._failing = 0
        head = await self._work.log.head()
        if head <= self._work.reach.position:
            self._work.reach.nothing_waits()
            return False
        limit = 1 if self._work.reach.position < self._careful else min(self._work.subscriber.batch_size, _PAGE)
        entries = await self._work.log.read(
            self._work.reach.position, until=head, limit=limit, where=(self._selection,)
        )
        reached = entries[-1].position if len(entries) == limit else head
        if entries:
            settled = await self._settle(held, entries, reached, patient=patient)
            if not settled:
                return True
        elif reached - held.position >= self._idle:
            await self._work.store.commit(Batch(moves=(self._work.hold.move(reached),)))
            self._work.hold.moved(reached)
        self._work.reach.advance(reached)
        return True

    async def _settle(self, held: Checkpoint, entries: Sequence[Recorded], reached: int, *, patient: bool) -> bool:
        """Handle a page; whether it is dealt with, or else to be taken again: one by one, or by who holds it now."""
        behind = await self._work.parking.behind(entries)
        if not self._work.hold.certain:
            return False  # frozen since it was taken
        passed = {one.position for one in behind} | self._work.hold.passed(entries)
        free = [entry for entry in entries if entry.position not in passed]
        settled = Batch(moves=(self._work.hold.move(reached),), parks=tuple(behind))
        try:
            if facts := decode(self._work.catalogue, free):
                await self._work.subscriber.handle(facts, settled)
            else:
                await self._work.store.commit(settled)
        except Exception as error:
            await self._work.hold.require(held, error)
            if len(free) > 1 and not self._work.failures.passes(error):
                self._careful = reached
                return False
            self._failing = free[0].position if len(free) == 1 else 0
            if not free or self._work.failures.passes(error):
                raise
            if not patient:
                if isinstance(error, NewerVersion):
                    raise  # the process to do this is another one
                raise EventNotHandled(name=held.name, event=free[0], cause=error) from error
            if not self._work.failures.exhausted(error):
                raise
            await self._put_aside(free[0], error, settled)
        self._work.hold.moved(reached)
        for stream in await self._work.parking.alone(behind):
            await self._work.store.parked.retry(held.name, stream)
        return True

    async def _put_aside(self, entry: Recorded, error: Exception, settled: Batch) -> None:
        parked = self._work.parking.aside(entry, error, self._work.failures.count + 1)
        await self._work.store.commit(settled._replace(parks=(*settled.parks, parked)))
        self._work.failures.count += 1
        self._work.failures.tell(error, self._work.reach.position, parked)
        await self._work.parking.look()
