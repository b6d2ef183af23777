"""What follows a place of a broker: take, record, settle, by the one background loop; one process at a time does.

What was taken is kept until it is recorded or put aside, and settled behind that, so the order of messages is that in
which they were given. What the broker gives again is known by what the store remembers.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final, TypeAlias, final

from twofold.clock import Clock
from twofold.errors import Classifier, NewerVersion, Unavailable, UnknownMessage
from twofold.messaging._errors import NotReceived
from twofold.messaging._inbox import LARGEST, Arrival, Inbox
from twofold.messaging._incoming import Incoming, document_of
from twofold.messaging._receiving import ReceivingBroker, Waiting
from twofold.messaging._turn import Turn
from twofold.store import Batch, Parked
from twofold.subscriptions import Failures, Loop, Observer, Owner, Parking, Pause, Rest

_BATCH: Final = 500
_WITHIN: Final = 1.0
_ATTEMPTS: Final = 5
_AT_ONCE: Final = 50
_LOOK: Final = 0.05
_NEWER: Final = (f"{NewerVersion.__name__}:", f"{UnknownMessage.__name__}:")
"""What the cause of a message begins with that a process of a newer version of the application may know."""
_Aside: TypeAlias = tuple[Parked, Exception | None]
"""A message that is put aside, and why; None for one that only waits behind another."""


@final
class Receiver:
    """Brings messages from a broker into an inbox.

    Args:
        inbox: The inbox.
        broker: The broker.
        app: The name of the application.
        owner: Who this process is.
        clock: Tells when something was put aside, and measures standstill.
        classifier: Tells what is unavailable.
        observer: Told of failures.
    """

    def __init__(
        self,
        inbox: Inbox,
        broker: ReceivingBroker,
        app: str,
        owner: Owner,
        *,
        clock: Clock,
        classifier: Classifier,
        observer: Observer | None,
    ) -> None:
        self.name = inbox.consumption.name
        self.lag = 0
        """How many messages wait, here and at the broker, when it was last looked."""
        self._inbox = inbox
        self._broker = broker
        self._queue = inbox.consumption.queue(app)
        self._owner = owner
        self._clock = clock
        self._store = inbox.store
        self._turn = Turn(self.name, inbox.store.checkpoints, owner)
        self._failures = Failures(self.name, _ATTEMPTS, classifier, observer)
        self._parking = Parking(self.name, inbox.store.parked, clock)
        self._rest = Rest()
        self._loop = Loop(self._failures, self._rest)
        self._taken: list[Incoming] = []
        self._careful = 0
        """Of how many messages each is dealt with alone."""
        self._token = 0
        self._not_before = 0.0
        self._moved = clock.monotonic()

    @property
    def failures(self) -> int:
        """How often in a row it has failed."""
        return self._failures.count

    @property
    def error(self) -> Exception | None:
        """What it failed with last; None when all is well."""
        return self._failures.error

    @property
    def owned(self) -> bool:
        """Whether it is the turn of this process."""
        return self._turn.certain

    @property
    def still(self) -> float:
        """For how long messages have waited, or the broker has said nothing, without any being dealt with, in seconds.

        0 when nothing waits and all is well.
        """
        return self._clock.monotonic() - self._moved if self.lag or self.failures else 0.0

    async def run(self) -> None:
        """Receive until stopped, whenever no other process does; then give back what is left."""
        with self._owner.following(self.name, self._loop.look_anew):
            try:
                await self._loop.run(self._step, self._let_go)
            finally:
                await self._broker.give_back(self._queue)

    def stop(self) -> None:
        """Stop once what is being recorded is settled."""
        self._rest.stop()

    async def settled(self) -> None:
        """Return once nothing waits at the broker, and nobody has taken what is not settled."""
        while True:
            try:
                waiting = await self._broker.waiting(self._queue)
            except Unavailable:
                pass  # told by the loop
            else:
                if not waiting.pending and not waiting.taken:
                    return
            await asyncio.sleep(_LOOK)

    async def _step(self) -> Pause | None:
        if not await self._turn.take():
            await self._look_on()
            return partial(asyncio.sleep, self._owner.pause)
        await self._begin()
        if not await self._retried():
            await self._go_on()
        return None

    def _let_go(self, error: Exception) -> int:
        self._turn.let_go()
        if isinstance(error, NotReceived):
            self._token = 0  # what was on its way comes again, and nothing may pass it
        return 0

    async def _begin(self) -> None:
        """Have a turn that is new, or a connection, begin where the last one ended."""
        if self._turn.token == self._token:
            return
        await self._drop_taken()
        waiting = await self._broker.waiting(self._queue)
        await self._parking.look()
        for first in await self._parking.beyond(_NEWER):
            await self._parking.wake(first)
        # What another process, or a lost connection, has taken and not settled comes again: in front of all others.
        self._not_before = _now() + waiting.again if waiting.taken else 0.0
        self._token = self._turn.token

    async def _go_on(self) -> None:
        """Deal with the next messages, if there are any."""
        if not self._taken:
            if _now() < self._not_before:
                waiting = await self._broker.waiting(self._queue)
                if waiting.taken:
                    self.lag = waiting.pending + waiting.taken
                    await self._rest.take(lambda: asyncio.sleep(_LOOK))
                    return
            if not await self._receive():
                return
        if not self._turn.certain:
            self._turn.let_go()  # frozen since it was taken
            return
        count = 1 if self._careful else len(self._taken)
        page = self._taken[:count]
        if not await self._deal(page):
            return
        del self._taken[:count]  # also when it cannot be settled: it comes again then, and is known
        self._careful = max(0, self._careful - count)
        await self._broker.settle(self._queue, page)
        self._still(len(self._taken) + (self._taken or page)[-1].behind)

    async def _receive(self) -> bool:
        """Take what has come, until told to stop; whether there is anything."""
        taking = asyncio.ensure_future(self._broker.receive(self._queue, _BATCH, _WITHIN))
        try:
            await self._rest.take(lambda: _done(taking))
        finally:
            taking.cancel()
        await _done(taking)
        if taking.cancelled():
            return False
        self._taken = [*taking.result()]
        if not self._taken:
            self._still(0)
        return bool(self._taken)

    async def _deal(self, page: Sequence[Incoming]) -> bool:
        """Record messages, or put them aside; whether that is done, or else each is to be dealt with alone."""
        arrivals, aside = await self._sorted(page)
        settled = Batch(moves=(self._turn.fence(),), parks=tuple(parked for parked, _ in aside))
        try:
            if arrivals or aside:
                await self._inbox.record(arrivals, settled)
        except Exception as error:
            if self._failures.passes(error):
                raise
            if len(page) > 1:
                self._careful = len(page)
                return False
            if not self._failures.exhausted(error):
                raise
            letter = await self._letter(page[0], error, self._failures.count + 1)
            await self._store.commit(settled._replace(parks=(letter,)))
            aside = [(letter, error)]
        if aside:
            await self._put_aside(aside)
        return True

    async def _put_aside(self, aside: Sequence[_Aside]) -> None:
        for parked, error in aside:
            if error is not None:
                self._failures.tell(error, 0, parked)
        await self._parking.look()
        for stream in await self._parking.alone([parked for parked, error in aside if error is None]):
            await self._store.parked.retry(self.name, stream)

    async def _sorted(self, page: Sequence[Incoming]) -> tuple[list[Arrival], list[_Aside]]:
        """Of some messages those to record, and those to put aside: they cannot be read, or wait behind others."""
        if not self._parking.empty:
            await self._parking.look()  # somebody may have let some go
        read: list[tuple[Incoming, bytes, Arrival | Exception]] = []
        for one in page:
            read.append(self._read(one))
            if len(read) % _AT_ONCE == 0:
                await asyncio.sleep(0)  # others of this process are not to wait for a whole batch
        known = await self._inbox.known(key for _, key, _ in read)
        arrivals: list[Arrival] = []
        aside: list[_Aside] = []
        waiting = set[str]()
        for one, key, found in read:
            if key in known:
                continue
            if isinstance(found, Exception):
                letter = await self._letter(one, found, 1, beside=aside)
                waiting.add(letter.stream)
                aside.append((letter, found))
            elif found.stream in waiting or self._parking.holds(found.stream):
                aside.append((await self._letter(one, beside=aside), None))
            else:
                known.add(key)
                arrivals.append(found)
        return arrivals, aside

    def _read(self, one: Incoming) -> tuple[Incoming, bytes, Arrival | Exception]:
        """A message with its attributes and what it is known by, and what it says or why it says nothing."""
        key = b""
        try:
            one = self._inbox.open(one)
            key = self._inbox.key_of(one)
            return one, key, self._inbox.read(one, key)
        except Exception as error:  # noqa: BLE001  # whatever a stranger has found, it is about this message
            return one, key, error

    async def _letter(
        self, one: Incoming, error: Exception | None = None, attempts: int = 0, beside: Sequence[_Aside] = ()
    ) -> Parked:
        """A message as it is put aside, under a position of its own; a second copy takes the place of the first.

        Args:
            one: The message.
            error: Why; None for one that only waits behind another.
            attempts: How often it was tried.
            beside: What is put aside with it, before it.
        """
        entry, data = self._inbox.entry_of(one), document_of(one, LARGEST)
        there = {letter.position: letter.data for letter, _ in beside}
        found = await self._store.parked.get(self.name, entry.position)
        if found is not None:
            there[found.position] = found.data
        if there.get(entry.position, data) != data:  # the broker's numbers have begun anew
            parked = await self._store.parked.list(self.name, limit=1_000_000)
            entry = entry._replace(position=max([*there, *(letter.position for letter in parked)]) + 1)
        return self._parking.aside(entry, error, attempts)._replace(data=data)

    async def _retried(self) -> bool:
        """Try the parked messages of one stream again, if somebody wants it; whether there were any."""
        first = await self._parking.due()
        if first is None:
            return False
        while first is not None and not self._rest.over and await self._try_again(first):
            first = await self._parking.first(first.stream)
        await self._parking.look()
        return True

    async def _try_again(self, first: Parked) -> bool:
        """Try the first of a stream's parked messages; whether to go on with what is the first then."""
        fence = self._turn.fence()
        settled = Batch(moves=(fence,), frees=((first.subscription, first.position),))
        try:
            one = self._inbox.kept(first.data or b"", first.position)
            key = self._inbox.key_of(one)
            known = await self._inbox.known([key])
            await self._inbox.record([] if known else [self._inbox.read(one, key)], settled)
        except Exception as error:
            if self._failures.passes(error) and not isinstance(error, NewerVersion):
                raise
            again = await self._parking.failed_again(
                first, error, lambda noted: self._store.commit(Batch(moves=(fence,), reparks=tuple(noted)))
            )
            if again is not None:
                self._failures.tell(error, 0, again)
            return again is None
        return True

    async def _look_on(self) -> None:
        """Notice how much is left, while another process has the turn."""
        self._token = 0
        await self._drop_taken()
        waiting: Waiting = await self._broker.waiting(self._queue)
        self._still(waiting.pending + waiting.taken)

    async def _drop_taken(self) -> None:
        if self._taken:
            self._taken, self._careful = [], 0
            await self._broker.give_back(self._queue)

    def _still(self, lag: int) -> None:
        """Note how much waits, and that something was done about it."""
        if lag < self.lag or not lag or self._turn.certain:
            self._moved = self._clock.monotonic()
        self.lag = lag


def _now() -> float:
    return asyncio.get_running_loop().time()  # what the broker waits for passes, whatever a test makes of the clock


async def _done(taking: asyncio.Future[Sequence[Incoming]]) -> None:
    await asyncio.wait({taking})
