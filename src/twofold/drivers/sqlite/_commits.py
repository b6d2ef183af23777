"""Committing units of work: many that wait at the same time share one transaction, and so one wait for the disk.

Units that only append are one statement, which is a transaction by itself. Where SQLite does not take it, and beside
units that do more, they share their statements inside a transaction. There a unit that is refused has written nothing
yet, and the others go on. When one fails half way, or an error ends the whole transaction, or a deferred foreign key
shows itself at COMMIT, nothing is written, and each unit is run again in a transaction of its own. Whatever creates,
drops or renames tables writes what SQLite does not count: it has a savepoint, and is undone alone.
"""

import sqlite3
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, final

from twofold.drivers.sqlite._append import Refused
from twofold.drivers.sqlite._call import Call
from twofold.drivers.sqlite._faults import sync_failed, typed
from twofold.drivers.sqlite._guard import COMMIT, RELEASE, SAVE, UNDO, GuardedConnection
from twofold.drivers.sqlite._joint import Joint
from twofold.errors import OutcomeUnknown, StoreUnavailable
from twofold.store import Committed


@final
class Commits:
    """Runs units of work and commits them; the writer's thread owns it.

    Args:
        refusal: Why nothing is ever written; None where it is.
    """

    __slots__ = ("refusal",)

    def __init__(self, refusal: str | None = None) -> None:
        self.refusal = refusal
        """Why nothing is written any more."""

    def run(self, connection: GuardedConnection, calls: Sequence[Call[Committed]], before: Callable[[], None]) -> bool:
        """Decide these calls, each whole or not at all, but for those that were withdrawn before the file is ours.

        Args:
            connection: The connection that writes.
            calls: The calls.
            before: Called as late as can be in front of a statement that may wait; perhaps again.

        Returns:
            Whether one statement did it.
        """
        several = len(calls) > 1 and all(map(_appending, calls)) and self.refusal is None
        if several and self._run_at_once(connection, calls, before):
            return True
        before()
        self._run_in_transaction(connection, calls)
        return False

    def commit(self, connection: GuardedConnection) -> None:
        """Commit what is open.

        Raises:
            OutcomeUnknown: The disk failed; from now on nothing is written.
        """
        self._to_the_disk(lambda: connection.execute(COMMIT))

    def _to_the_disk(self, commit: Callable[[], object]) -> None:
        try:
            commit()
        except sqlite3.OperationalError as error:
            if sync_failed(error):
                self.refusal = f"the disk failed under a commit, so this store writes no more: {error}"
                raise OutcomeUnknown(f"the disk failed under the commit: {error}") from error
            raise

    def _run_at_once(
        self, connection: GuardedConnection, calls: Sequence[Call[Committed]], before: Callable[[], None]
    ) -> bool:
        """Whether all calls, which only append, are decided by one statement; if not, nothing was written."""
        mine = [call for call in calls if call.claim()]
        try:
            joint = Joint(connection, [*map(_appending, mine)], assumed=True)
            if joint.is_one_statement:
                before()
                self._to_the_disk(lambda: joint.write(connection))
                _answer(mine, joint.outcomes())
                return True
        except OutcomeUnknown as error:
            _fail(mine, error)
            return True
        except _NOT_TAKEN:
            pass  # in a transaction it shows which of them it was, and a file that is locked is waited for
        for call in mine:
            call.let_go()
        return False

    def _run_in_transaction(self, connection: GuardedConnection, calls: Sequence[Call[Committed]]) -> None:
        failed = self._begin(connection)
        mine = [call for call in calls if call.claim()]
        if failed is not None:
            _fail(mine, failed)
        elif len(mine) == 1:
            self._run_alone(connection, mine[0])
        elif not self._run_together(connection, mine):
            for call in mine:
                call.value = call.error = None
                if (failed := self._begin(connection)) is not None:
                    _fail([call], failed)
                else:
                    self._run_alone(connection, call)

    def _begin(self, connection: GuardedConnection) -> Exception | None:
        """Begin a transaction; why it cannot be, when it cannot."""
        if self.refusal is not None:
            return StoreUnavailable(self.refusal)
        try:
            connection.begin_write()
        except sqlite3.Error as error:
            return error
        return None

    def _run_alone(self, connection: GuardedConnection, call: Call[Committed]) -> None:
        try:
            call.value = call.work(connection)
            self.commit(connection)
        except BaseException as error:  # noqa: BLE001  # whatever it is, it belongs to whoever waits
            call.value, call.error = None, typed(error)
            connection.roll_back()

    def _run_together(self, connection: GuardedConnection, calls: Sequence[Call[Committed]]) -> bool:
        """Whether all calls are decided; if not, nothing was written."""
        try:
            for only_appends, some in groupby(calls, lambda call: _appending(call) is not None):
                run = _run_appending if only_appends else _run_each
                if not run(connection, [*some]):
                    return False
            self.commit(connection)
        except OutcomeUnknown as error:
            _fail(calls, error)
        except sqlite3.Error:
            return False
        finally:
            connection.roll_back()
        return True


def _run_appending(connection: GuardedConnection, calls: Sequence[Call[Committed]]) -> bool:
    """Run units that only append, by statements that they share; one by one where SQLite does not take one of them."""
    connection.execute(SAVE)
    try:
        joint = Joint(connection, [*map(_appending, calls)], assumed=False)
        joint.write(connection)
    except _NOT_TAKEN:
        if not connection.in_transaction:
            return False
        connection.execute(UNDO)
        connection.execute(RELEASE)
        return _run_each(connection, calls)
    connection.execute(RELEASE)
    _answer(calls, joint.outcomes())
    return True


def _run_each(connection: GuardedConnection, calls: Sequence[Call[Committed]]) -> bool:
    """Run units one by one; whether the transaction can go on, with all that each has written or with nothing."""
    return all((_run_function if call.data is None else _run_data)(connection, call) for call in calls)


def _run_data(connection: GuardedConnection, call: Call[Committed]) -> bool:
    """Run a unit among others; whether the transaction can go on, with all that it has written or with nothing."""
    before = connection.total_changes
    try:
        call.value = call.work(connection)
    except BaseException as error:  # noqa: BLE001  # whatever it is, it belongs to whoever waits
        call.error = typed(error)
        return connection.in_transaction and connection.total_changes == before
    return True


def _run_function(connection: GuardedConnection, call: Call[Committed]) -> bool:
    connection.execute(SAVE)
    try:
        call.value = call.work(connection)
    except BaseException as error:  # noqa: BLE001  # whatever it is, it belongs to whoever waits
        call.error = typed(error)
        if not connection.in_transaction:
            return False
        connection.execute(UNDO)
    connection.execute(RELEASE)
    return True


def _answer(calls: Sequence[Call[Committed]], outcomes: Sequence[Committed | Refused]) -> None:
    for call, outcome in zip(calls, outcomes, strict=True):
        if isinstance(outcome, Committed):
            call.value = outcome
        else:
            call.error = outcome


def _fail(calls: Sequence[Call[Committed]], cause: Exception) -> None:
    for call in calls:
        if call.error is None:
            call.value, call.error = None, _own(cause)


def _own(cause: Exception) -> BaseException:
    """The error for one of many callers: an exception that several tasks raise would mix up their traces."""
    own = typed(cause)
    if own is cause:
        own = type(cause)(*cause.args)
        own.__cause__ = cause
    return own


_appending: Final[Callable[[Call[Committed]], Any]] = attrgetter("appending")
"""What a call appends, where it does nothing else."""

_NOT_TAKEN = (sqlite3.Error, OverflowError, UnicodeEncodeError)
"""What SQLite, or Python in front of it, raises for what it does not take."""
