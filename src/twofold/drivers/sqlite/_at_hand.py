"""Short reads, done where they are asked for: in the event loop, as long as they are short and nobody else reads.

To wake a thread and to be woken by it takes longer than most reads. Here none keeps the loop: the database stops one
that takes too long, or that would have to wait for a lock, and a thread does it again from its beginning.
"""

from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Final, TypeVar, final

from twofold.drivers.sqlite._guard import GuardedConnection
from twofold.drivers.sqlite._open import Database

T = TypeVar("T")


class Elsewhere(Exception):
    """A read was not done here, and is for a thread."""


@final
class AtHand:
    """A connection for short reads; whoever finds it taken goes elsewhere.

    Args:
        database: The file to read; a writer must have opened it before.
    """

    __slots__ = ("_closed", "_connection", "_database", "_lock", "_lonely", "_until", "left")

    def __init__(self, database: Database) -> None:
        self._closed = False
        self._database = database
        self._connection: GuardedConnection | None = None
        self._lock = Lock()
        self._lonely = 0
        self._until = 0.0
        self.left = 0
        """How many reads may be done here before one is to be done by a thread again, to see what that takes."""

    def note(self, *, lonely: bool) -> None:
        """Take note of a read that a thread has done; after enough of the right ones the next are done here.

        Args:
            lonely: Whether it was short, and nobody else read meanwhile.
        """
        self._lonely = self._lonely + 1 if lonely else 0
        if self._lonely >= _ENOUGH:
            self.left = _IN_A_ROW

    def read(self, work: Callable[[GuardedConnection], T]) -> T:
        """Run a function that reads; it is begun again elsewhere when it fails or takes long.

        Raises:
            Elsewhere: It was not done here.
        """
        if self._closed or not self._lock.acquire(blocking=False):
            raise Elsewhere
        try:
            self.left -= 1
            self._until = monotonic() + LONGEST
            connection = self._connection = self._connection or self._open()
            found = work(connection)
        except Exception as error:
            self._lonely = self.left = 0
            raise Elsewhere from error
        finally:
            self._lock.release()
        if monotonic() > self._until:
            self._lonely = self.left = 0
        return found

    def close(self) -> None:
        """Do no more reads; from any thread."""
        self._closed = True
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self) -> GuardedConnection:
        connection = self._database.open_reader(shared=True)
        connection.execute("PRAGMA busy_timeout = 0")
        connection.set_progress_handler(self._takes_long, _STEPS)
        return connection

    def _takes_long(self) -> bool:
        return monotonic() > self._until


LONGEST: Final = 0.001
"""How long a read may take here, in seconds."""

_ENOUGH: Final = 8
_IN_A_ROW: Final = 32

_STEPS: Final = 250
"""After how many steps of its virtual machine SQLite asks whether to go on; some ten microseconds."""
