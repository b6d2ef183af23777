"""Threads that read, each with a connection of its own; nobody else ever touches or closes it.

A connection that is shared, and closed under a running call, takes the interpreter with it.
"""

import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, final

from twofold.drivers.sqlite._call import Call, settle
from twofold.drivers.sqlite._faults import typed
from twofold.drivers.sqlite._guard import BEGIN, GuardedConnection
from twofold.drivers.sqlite._mailbox import Mailbox
from twofold.drivers.sqlite._open import Database
from twofold.errors import WiringError

T = TypeVar("T")


@final
class Readers:
    """Reads, one at a time in each of several threads; a thread starts when all others are busy.

    Args:
        database: The file to read; a writer must have opened it before.
        most: How many threads, at most.
    """

    __slots__ = ("_calls", "_database", "_idle", "_most", "_threads")

    def __init__(self, database: Database, most: int) -> None:
        self._database = database
        self._most = most
        self._calls = Mailbox[Call[Any]](closed="the store is not open")
        self._idle = threading.Semaphore(0)
        self._threads = list[threading.Thread]()

    def start(self) -> None:
        """Take calls from now on."""
        self._calls, self._idle, self._threads = Mailbox[Call[Any]](), threading.Semaphore(0), []

    async def run(self, work: Callable[[GuardedConnection], T]) -> T:
        """Run a function of the driver's own on one of the connections."""
        call = Call(work)
        self._calls.put(call)
        if not self._idle.acquire(blocking=False) and len(self._threads) < self._most:
            self._add_thread()
        return await call.answer()

    async def run_of_user(self, work: Callable[[GuardedConnection], T]) -> T:
        """Run a user's function, guarded, with one snapshot of the database from its first read to its last."""
        return await self.run(partial(_in_snapshot, work))

    def close(self, reason: str) -> None:
        """Take no more calls; the threads finish those they have, and end."""
        self._calls.close(reason)

    def join(self) -> None:
        """Wait until all threads have ended."""
        for thread in self._threads:
            thread.join()

    def _add_thread(self) -> None:
        thread = threading.Thread(
            target=_serve,
            args=(self._database, self._calls, self._idle),
            name=f"twofold-sqlite-reader-{len(self._threads)}",
            daemon=True,
        )
        self._threads.append(thread)
        thread.start()


def _serve(database: Database, calls: Mailbox[Call[Any]], idle: threading.Semaphore) -> None:
    # A function, not a method: a thread must not keep a forgotten store alive.
    connection: GuardedConnection | None = None
    while (call := calls.take()) is not None:
        if call.claim():
            try:
                connection = connection or database.open_reader()
                call.value = call.work(connection)
            except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to whoever waits
                call.error = typed(error)
            settle((call,))
        del call  # it would keep its results alive until the next one comes
        idle.release()
    if connection is not None:
        connection.close()


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
