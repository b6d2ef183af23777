"""Opening connections: one that writes, several that the database itself holds read-only."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from twofold.drivers.sqlite._faults import typed
from twofold.drivers.sqlite._guard import GuardedConnection, is_busy
from twofold.drivers.sqlite._joint import prepare_joint
from twofold.drivers.sqlite._schema import STEPS, prove_current, state, upgrade
from twofold.errors import StoreUnavailable
from twofold.store import SchemaState, part_of

Durability: TypeAlias = Literal["full", "normal"]
"""`full`: a commit is on the disk before it is acknowledged. `normal`: a power cut may lose the last commits, whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A database file, and how to open it.

    Args:
        path: The file.
        durability: Whether commits wait for the disk.
        busy_timeout: How long to wait for another process that writes, in seconds.
        migrate: Whether whoever writes upgrades the tables; otherwise they must be up to date.
    """

    path: Path
    durability: Durability
    busy_timeout: float
    migrate: bool = True

    def open_writer(self) -> GuardedConnection:
        """The connection that writes, with the tables up to date.

        Raises:
            WiringError: A newer twofold made them, or they are behind and nobody may upgrade them by the way.
        """
        if not self.migrate:
            self.state().refuse_other()
        connection = self._open(self._prepared)
        try:
            if self.migrate:
                upgrade(connection)
            prepare_joint(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def state(self) -> SchemaState:
        """How far the tables are; a file that is missing stays so, and can be made where its folder is there."""
        if not self.path.exists() and self.path.absolute().parent.is_dir():
            return SchemaState(taken=0, known=len(STEPS))
        with closing(self._open(self.open_reader)) as connection:
            return state(connection)

    def upgrade(self) -> SchemaState:
        """Bring the tables up to date, and tell how far they were.

        Raises:
            WiringError: A newer twofold made them.
        """
        with closing(self._open(self._prepared)) as connection:
            return upgrade(connection)

    def open_reader(self) -> GuardedConnection:
        """A connection whose writes the database refuses; the writer must have opened the file before."""
        connection = self._connect("ro")
        connection.only_read()
        connection.create_function("twofold_part", 2, part_of, deterministic=True)
        return connection

    def open_in_place_of_writer(self) -> GuardedConnection:
        """A connection that cannot write, for a process that only reads; the tables must be up to date.

        Raises:
            StoreUnavailable: There is no database, or no process that writes has upgraded it yet.
            WiringError: A newer twofold made it.
        """
        if not self.path.exists():
            raise StoreUnavailable("there is no database yet: a process that writes makes it")
        connection = self.open_reader()
        try:
            prove_current(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _open(self, opening: Callable[[], GuardedConnection]) -> GuardedConnection:
        try:
            return opening()
        except sqlite3.Error as error:
            refused = typed(error, self.path.absolute())
            raise refused from (None if refused is error else error)

    def _prepared(self) -> GuardedConnection:
        connection = self._connect("rwc")
        try:
            _switch_to_wal(connection, self.busy_timeout)
            connection.execute(f"PRAGMA synchronous = {self.durability}")
            connection.execute("PRAGMA fullfsync = ON")  # on macOS a plain fsync stops at the drive's cache
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute(f"PRAGMA journal_size_limit = {LARGEST_IDLE_WAL}")
            connection.execute("PRAGMA busy_timeout = 0")  # `begin_write` waits in its own way
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect(self, mode: str) -> GuardedConnection:
        return sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={mode}",
            uri=True,
            factory=GuardedConnection,
            timeout=self.busy_timeout,
            isolation_level=None,
            cached_statements=_CACHED_STATEMENTS,
        )


def _switch_to_wal(connection: GuardedConnection, timeout: float) -> None:
    # The switch needs the file for itself, and SQLite does not wait for that by itself.
    deadline = time.monotonic() + timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


_CACHED_STATEMENTS = 512
LARGEST_IDLE_WAL = 64 * 1024 * 1024
