"""A write transaction that is held open; the writer serves nothing else until it ends, and ends one held too long."""

import sqlite3
import time
from collections.abc import Callable
from queue import Empty
from typing import Any, Literal, NamedTuple, TypeAlias, final

from twofold.drivers.sqlite._call import Call, settle
from twofold.drivers.sqlite._faults import typed
from twofold.drivers.sqlite._guard import GuardedConnection
from twofold.drivers.sqlite._mailbox import Mailbox
from twofold.errors import StoreUnavailable
from twofold.store import ENDED, Committed, held_too_long

Ending: TypeAlias = Literal["commit", "rollback"]


class _Step(NamedTuple):
    call: Call[Any]
    ending: Ending | None


@final
class Turn:
    """The writer's turn, for one transaction; it begins with the first step and lasts until a step ends it.

    Args:
        limit: How long it may be held, in seconds.
    """

    __slots__ = ("_limit", "_steps", "_until")

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._until: float | None = None
        self._steps: Mailbox[_Step] = Mailbox()

    def put(self, call: Call[Any], ending: Ending | None = None) -> None:
        """Ask for the next step; the first one must be there before the turn is queued.

        Raises:
            StoreUnavailable: The turn is over.
        """
        self._steps.put(_Step(call, ending))

    def refuse(self, reason: str) -> None:
        """Answer all steps, those waiting and those to come, with `StoreUnavailable`."""
        self._steps.close(reason)
        while (step := self._steps.take()) is not None:
            if step.call.claim():
                step.call.error = StoreUnavailable(reason)
            settle((step.call,))

    def serve(self, connection: GuardedConnection, commit: Callable[[GuardedConnection], None]) -> int:
        """Run the steps, one after the other; in the writer's thread.

        Returns:
            The position that its commit appended up to; 0 when there was nothing.
        """
        over, position = None, 0
        connection.set_progress_handler(self._is_late, _STEPS_BETWEEN_LOOKS)
        while over is None:
            step = self._next()
            over = self._run(step, connection, commit) if step else held_too_long(self._limit)
            try:
                if over is not None:
                    self._end(over, connection)
            finally:
                if step is not None:
                    position = _position(step)
                    settle((step.call,))
        self.refuse(over)
        return position

    def _next(self) -> _Step | None:
        try:
            if self._until is None:
                return self._steps.take()
            left = self._until - time.monotonic()
            return self._steps.take(left) if left > 0 else None
        except Empty:
            return None

    def _run(
        self, step: _Step, connection: GuardedConnection, commit: Callable[[GuardedConnection], None]
    ) -> str | None:
        call, ending = step.call, step.ending
        if ending == "rollback":
            return ENDED
        begins = self._until is None
        failed = self._begin(connection) if begins else None
        if not call.claim():  # whoever waits may go away until the file is ours
            return ENDED if begins or not connection.in_transaction else None
        try:
            if failed is not None:
                raise failed
            call.value = call.work(connection)
            if ending == "commit":
                commit(connection)
        except BaseException as error:  # noqa: BLE001  # whatever it is, it belongs to whoever waits
            call.value, call.error = None, typed(error)
        if ending == "commit":
            return ENDED
        if connection.in_transaction:
            return None
        reason = held_too_long(self._limit) if self._is_late() else _LOST
        call.error = call.error or StoreUnavailable(reason)
        return reason

    def _begin(self, connection: GuardedConnection) -> Exception | None:
        try:
            connection.begin_write()
        except sqlite3.Error as error:
            return error
        self._until = time.monotonic() + self._limit
        return None

    def _end(self, reason: str, connection: GuardedConnection) -> None:
        self._steps.close(reason)  # before the last answer: who has it finds the turn over
        connection.set_progress_handler(None, 0)
        connection.roll_back()

    def _is_late(self) -> bool:
        return self._until is not None and time.monotonic() > self._until


def _position(step: _Step) -> int:
    value = step.call.value
    return value.position if step.ending == "commit" and isinstance(value, Committed) else 0


_STEPS_BETWEEN_LOOKS = 100_000  # of SQLite's machine: a few milliseconds
_LOST = "the database did not begin the transaction, or rolled it back"
