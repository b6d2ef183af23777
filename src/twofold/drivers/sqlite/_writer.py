"""The one thread that writes, and owns the one connection that can."""

import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias, TypeVar, final

from twofold.dispatch import never_waits
from twofold.drivers.sqlite._aside import Aside
from twofold.drivers.sqlite._call import Call, Data, settle
from twofold.drivers.sqlite._commits import Commits
from twofold.drivers.sqlite._faults import typed
from twofold.drivers.sqlite._guard import GuardedConnection
from twofold.drivers.sqlite._log import head
from twofold.drivers.sqlite._mailbox import Mailbox
from twofold.drivers.sqlite._pace import Pace
from twofold.drivers.sqlite._turn import Turn
from twofold.errors import OutcomeUnknown, StoreUnavailable
from twofold.store import Bell, Committed

T = TypeVar("T")
Unit: TypeAlias = Callable[[GuardedConnection], Committed]


@final
class Writer:
    """Takes units of work and turns, in the order they come, until it is closed.

    Args:
        open_connection: Opens the connection, in the thread of the writer.
        bell: Rung when the log has grown.
        readers_ended: Waits until nobody reads any more; the connection that writes must be closed last, since only
            it can fold the write-ahead log back into the file.
        refusal: Why it writes nothing, when its connection cannot; None when it can.
    """

    __slots__ = (
        "_aside",
        "_bell",
        "_commits",
        "_decided",
        "_items",
        "_open",
        "_pace",
        "_readers_ended",
        "_refusal",
        "_thread",
    )

    def __init__(
        self,
        open_connection: Callable[[], GuardedConnection],
        bell: Bell,
        readers_ended: Callable[[], None],
        refusal: str | None = None,
    ) -> None:
        self._open = open_connection
        self._bell = bell
        self._readers_ended = readers_ended
        self._refusal = refusal
        self._commits = Commits(refusal)
        self._items = Mailbox[Call[Committed] | Turn](closed="the store is not open")
        self._decided: list[Call[Committed]] = []
        self._pace = Pace()
        self._aside: Aside | None = None
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """How many units of work and turns wait."""
        return len(self._items)

    async def start(self) -> None:
        """Start the thread, and wait until its connection is open."""
        self._commits = Commits(self._refusal)
        self._items = Mailbox[Call[Committed] | Turn]()
        opening = Call(head)
        self._thread = threading.Thread(target=self._serve, args=(opening,), name="twofold-sqlite-writer", daemon=True)
        self._thread.start()
        self._bell.ring(await opening.outcome())

    def commit(self, data: Data) -> Coroutine[Any, Any, Committed]:
        """Commit a unit of work that changes nothing but rows; perhaps together with others that wait."""
        return self._commit(Call(data, data=data))

    def run(self, unit: Unit) -> Coroutine[Any, Any, Committed]:
        """Run a unit of work, perhaps more than once, and commit it; perhaps together with others that wait."""
        return self._commit(Call(unit))

    async def change(self, work: Callable[[GuardedConnection], T]) -> T:
        """Run a function that appends nothing in a transaction, perhaps more than once, and give what it returns."""
        outcome: list[T] = []

        def unit(connection: GuardedConnection) -> Committed:
            outcome[:] = (work(connection),)
            return Committed()

        await self.run(unit)
        return outcome[0]

    def queue(self, turn: Turn) -> None:
        """Queue for the writer's turn."""
        self._items.put(turn)

    def expect(self, call: Call[Any]) -> None:
        """Keep an event loop that never rests from holding up a call that was put in; in that loop."""
        aside = self._aside
        if aside is None or aside.loop is not call.loop:
            aside = self._aside = Aside(call.loop)
        call.aside = aside
        aside.expect()

    def close(self, reason: str) -> None:
        """Take nothing new; what was taken is still decided, and then the thread ends."""
        self._items.close(reason)

    def join(self) -> None:
        """Wait until the thread has ended."""
        if self._thread is not None:
            self._thread.join()

    def _commit(self, call: Call[Committed]) -> Coroutine[Any, Any, Committed]:
        self._items.put(call)
        self.expect(call)
        return call.outcome()

    def _serve(self, opening: Call[int]) -> None:
        never_waits()
        opening.claim()
        try:
            connection = self._open()
            opening.value = opening.work(connection)
        except BaseException as error:  # noqa: BLE001  # whatever it is, it belongs to whoever waits
            opening.error = typed(error)
            self._refuse("the store could not be opened")
            return
        finally:
            settle((opening,))
        try:
            while (item := self._next()) is not None:
                self._work_off(connection, item)
            self._readers_ended()
        finally:
            self._tell()
            connection.close()
            self._refuse("the writer has stopped")

    def _next(self) -> Call[Committed] | Turn | None:
        if not self._pace.overlaps and len(self._decided) > 1:
            self._tell()
            self._pace.wait()
        elif not self.waiting:
            self._tell()
        return self._items.take()

    def _work_off(self, connection: GuardedConnection, item: Call[Committed] | Turn | None) -> None:
        group: list[Call[Committed]] = []
        share = 2  # until another one waits, which is when it is worth a thought
        while isinstance(item, Call):
            group.append(item)
            if len(group) == 2:
                share = self._pace.share(self.waiting + 2, len(self._decided))
            item = self._items.take_now() if len(group) < share else None
        if group:
            self._run_group(connection, group)
        if isinstance(item, Turn):
            self._tell()
            self._serve_turn(connection, item)

    def _run_group(self, connection: GuardedConnection, group: list[Call[Committed]]) -> None:
        alone = len(group) == 1  # which tells nothing of the pace
        try:
            at_once = self._commits.run(connection, group, self._tell if alone else self._begin)
        except BaseException as error:
            for call in group:
                call.value, call.error = None, OutcomeUnknown(f"the writer failed: {error}")
            raise
        finally:
            self._decided += group
        if alone:
            self._tell()
        elif at_once:
            self._pace.ended()
        else:
            self._pace.interrupted()

    def _begin(self) -> None:
        self._tell()
        self._pace.began()

    def _tell(self) -> None:
        if self._decided:
            decided, self._decided = self._decided, []
            if len(decided) > 1:
                self._pace.told()
                settle(decided, self._pace.went_on)
            else:
                settle(decided)
            self._announce(max(call.value.position if call.value else 0 for call in decided))

    def _serve_turn(self, connection: GuardedConnection, turn: Turn) -> None:
        if self._commits.refusal is not None:
            turn.refuse(self._commits.refusal)
        else:
            try:
                self._announce(turn.serve(connection, self._commits.commit))
            finally:
                turn.refuse("the writer has stopped")

    def _announce(self, position: int) -> None:
        if position:
            self._bell.ring(position)

    def _refuse(self, reason: str) -> None:
        self._items.close(reason)
        while (item := self._items.take()) is not None:
            if isinstance(item, Turn):
                item.refuse(reason)
            else:
                if item.claim():
                    item.error = StoreUnavailable(reason)
                settle((item,))
