"""Threads that read, each with a connection of its own; nobody else ever touches or closes it.

A connection that is shared, and closed under a running call, takes the interpreter with it. How many threads are awake
is up to the line in front of them; when the event loop is woken, to the outbox behind them.
"""

import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar, final

from twofold.dispatch import never_waits
from twofold.drivers.sqlite._call import Call
from twofold.drivers.sqlite._faults import typed
from twofold.drivers.sqlite._guard import BEGIN, GuardedConnection
from twofold.drivers.sqlite._line import Line
from twofold.drivers.sqlite._open import Database
from twofold.drivers.sqlite._outbox import Outbox
from twofold.drivers.sqlite._waiting import WaitingThread
from twofold.errors import WiringError

T = TypeVar("T")


@final
class Readers:
    """Reads, one at a time in each of several threads; one thread does it all while it keeps up.

    Args:
        database: The file to read; a writer must have opened it before.
        most: How many threads, at most.
    """

    __slots__ = ("_database", "_line", "_most", "_outbox", "_threads")

    def __init__(self, database: Database, most: int) -> None:
        self._database = database
        self._most = most
        self._line = Line(most, closed="the store is not open")
        self._outbox: Outbox | None = None
        self._threads: list[threading.Thread] = []

    @property
    def waiting(self) -> int:
        """How many calls wait."""
        return self._line.put_in - self._line.taken

    def start(self) -> None:
        """Take calls from now on."""
        self._line, self._threads = Line(self._most), []

    async def run(self, work: Callable[[GuardedConnection], T]) -> T:
        """Run a function of the driver's own on one of the connections."""
        call = Call(work)
        outbox = self._outbox
        if outbox is None or outbox.loop is not call.loop:
            outbox = self._outbox = Outbox(call.loop)
        if self._line.put((call, outbox)):
            self._add_thread(self._line)
        outbox.owed += 1
        if not outbox.watched:
            outbox.watched = True
            self._watch(outbox, self._line)
        return await call.answer()

    async def run_of_user(self, work: Callable[[GuardedConnection], T]) -> T:
        """Run a user's function, guarded, with one snapshot of the database from its first read to its last."""
        return await self.run(partial(_in_snapshot, work))

    async def run_statement(self, work: Callable[[GuardedConnection], T]) -> T:
        """Run a user's function, guarded, that executes one statement: a statement is its own snapshot."""
        return await self.run(partial(_guarded, work))

    def close(self, reason: str) -> None:
        """Take no more calls; the threads finish those they have, and end."""
        self._line.close(reason)

    def join(self) -> None:
        """Wait until all threads have ended."""
        for thread in self._threads:
            thread.join()

    def _watch(self, outbox: Outbox, line: Line) -> None:
        outbox.loop.call_later(_PATIENCE, self._look_after, outbox, line, line.put_in)

    def _look_after(self, outbox: Outbox, line: Line, known: int) -> None:
        """Let nobody wait because somebody else's call takes long; in the loop, as long as calls are on their way."""
        outbox.empty()
        if line.taken < known and line.reinforce():
            self._add_thread(line)
        if outbox.owed:
            self._watch(outbox, line)
        else:
            outbox.watched = False

    def _add_thread(self, line: Line) -> None:
        name = f"twofold-sqlite-reader-{len(self._threads)}"
        thread = threading.Thread(target=_serve, args=(self._database, line), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()


def _serve(database: Database, line: Line) -> None:
    # A function, not a method: a thread must not keep a forgotten store alive.
    never_waits()
    thread = WaitingThread()
    connection: GuardedConnection | None = None
    outbox: Outbox | None = None
    while True:
        item = line.take()
        if outbox is not None and (item is None or item[1] is not outbox or len(outbox) >= _MOST_HELD):
            outbox.send()
            outbox = None
        if item is None:
            if line.rest(thread):
                continue
            break
        call, outbox = item
        if call.claim():
            try:
                connection = connection or database.open_reader()
                call.value = call.work(connection)
            except BaseException as error:  # noqa: BLE001  # whatever it is, it belongs to whoever waits
                call.error = typed(error)
        outbox.put(call)
        del item, call  # they would keep their results alive until the next one comes
    if connection is not None:
        connection.close()


def _guarded(work: Callable[[GuardedConnection], T], connection: GuardedConnection) -> T:
    try:
        return connection.run(work)
    finally:
        connection.roll_back()  # a savepoint of the user's begins a transaction


def _in_snapshot(work: Callable[[GuardedConnection], T], connection: GuardedConnection) -> T:
    connection.execute(BEGIN)
    try:
        return connection.run(work)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_READONLY:
            raise WiringError("a function that was given to read tried to write") from error
        raise
    finally:
        connection.roll_back()


_PATIENCE: Final = 0.002
"""How long a call may wait in line before one more thread is woken, and an outcome in the outbox, in seconds."""

_MOST_HELD: Final = 16
"""How many outcomes are told together at most."""
