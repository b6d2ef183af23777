"""The transaction that a unit of work holds open when it runs SQL of its own."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar, final

from twofold.drivers.sqlite._call import Call
from twofold.drivers.sqlite._guard import MARK, REVERT, GuardedConnection
from twofold.drivers.sqlite._replies import claim
from twofold.drivers.sqlite._tables import change_rows
from twofold.drivers.sqlite._turn import Turn
from twofold.drivers.sqlite._write import Plan
from twofold.drivers.sqlite._writer import Writer
from twofold.errors import StoreUnavailable
from twofold.store import ENDED, Batch, Committed, Reply, RowChange

T = TypeVar("T")


@final
class SqliteTransaction:
    """A write transaction that takes the writer's turn at its first `run` or `change`, and holds it until it ends.

    Args:
        writer: Whose turn it takes.
        turn_timeout: How long it may hold the turn, in seconds.
    """

    __slots__ = ("_ended", "_turn", "_turn_timeout", "_writer")

    def __init__(self, writer: Writer, turn_timeout: float) -> None:
        self._writer = writer
        self._turn_timeout = turn_timeout
        self._turn: Turn | None = None
        self._ended = False

    @property
    def begun(self) -> bool:
        """Whether it has taken the turn."""
        return self._turn is not None

    async def run(self, work: Callable[[GuardedConnection], T]) -> T:
        """Run a function with the connection, inside the transaction.

        Its errors leave the transaction open, unless the database ended it. A function that has started is not torn
        when its caller is cancelled, so it must not wait for anything but the database.

        Raises:
            StoreUnavailable: The transaction was held longer than the store allows, or has ended.
        """
        return await self._run(lambda connection: connection.run(work))

    async def claim(self, key: bytes, now: datetime, wait: float) -> Reply | None:
        """Have a key to oneself until the transaction ends, unless there is a reply to it that has not expired.

        Whoever has the writer's turn has every key: another one is waited for as for every turn, whatever `wait` says.

        Raises:
            StoreUnavailable: The transaction was held longer than the store allows, or has ended.
        """
        return await self._run(lambda connection: claim(connection, key, now))

    async def mark(self) -> None:
        """Remember how far the transaction is."""
        await self._run(_mark)

    async def revert(self) -> None:
        """Undo what has run since the mark; the transaction goes on."""
        await self._run(_revert)

    async def _run(self, work: Callable[[GuardedConnection], T]) -> T:
        call = Call(work)
        if self._turn is not None:
            self._turn.put(call)
            self._writer.expect(call)
            return await call.outcome()
        self._require_open()
        turn = Turn(self._turn_timeout)
        turn.put(call)
        self._writer.queue(turn)
        self._turn = turn
        self._writer.expect(call)
        try:
            return await call.outcome()
        finally:
            if call.withdrawn:
                turn.refuse("the transaction was cancelled before it began")

    async def change(self, rows: Sequence[RowChange]) -> None:
        """Change rows of read models now, with as few statements as at the end of a unit of work.

        Raises:
            StoreUnavailable: The transaction was held longer than the store allows, or has ended.
        """
        await self.run(lambda connection: change_rows(connection, rows))

    async def commit(self, batch: Batch) -> Committed:
        """Write the batch and commit, in one hop. Once started it is carried through, whatever happens to the caller.

        Raises:
            VersionConflict: A stream is not where an append expects it; everything is rolled back.
            StoreUnavailable: The transaction was held longer than the store allows, or has ended.
        """
        unit = Plan(batch)
        if self._turn is None:
            self._require_open()
            self._ended = True
            return await self._writer.commit(unit)
        call = Call(unit)
        self._turn.put(call, "commit")
        self._writer.expect(call)
        return await call.outcome()

    async def rollback(self) -> None:
        """Undo everything and free the turn, even when cancelled; harmless when nothing was begun or it has ended."""
        self._ended = True
        if self._turn is None:
            return
        call: Call[None] = Call(lambda connection: None)
        call.claim()  # nobody can withdraw or refuse it
        try:
            self._turn.put(call, "rollback")
        except StoreUnavailable:
            return
        self._writer.expect(call)
        await call.outcome()

    def _require_open(self) -> None:
        if self._ended:
            raise StoreUnavailable(ENDED)


def _mark(connection: GuardedConnection) -> None:
    connection.execute(MARK)


def _revert(connection: GuardedConnection) -> None:
    connection.execute(REVERT)
