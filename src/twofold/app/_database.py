"""From a setting to a store: the one place that knows which driver belongs to which address."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from twofold.app._room import open_room
from twofold.errors import WiringError
from twofold.store import MemoryStore, MigratableStore, Store, foundation

_VARIABLE: Final = "TWOFOLD_DATABASE"
_READ_VARIABLE: Final = "TWOFOLD_READ_DATABASE"


class _Driver(NamedTuple):
    """A room that has a store, and SQL sessions in a room of its own.

    Args:
        room: Its name.
        store: What makes its store from an address: a class, or a function.
        sessions: The class of its sessions.
        address: What that takes, from the whole address.
    """

    room: str
    store: str
    sessions: str
    address: Callable[[str], str]

    def open(self, address: str | Path, *, migrate: bool) -> Store:
        store: Store = getattr(open_room(self.room), self.store)(address, migrate=migrate)
        return store


def _as_it_is(address: str) -> str:
    return address


def _path(address: str) -> str:
    return address.partition("://")[2].removeprefix("/")


_SQLITE: Final = _Driver("twofold.drivers.sqlite", "SqliteStore", "SqliteSessions", _path)
_POSTGRES: Final = _Driver("twofold.drivers.postgres", "store_at", "PostgresSessions", _as_it_is)
_DRIVERS: Final = {"sqlite": _SQLITE, "postgresql": _POSTGRES, "postgres": _POSTGRES}


def store_of(database: "str | Path | Store | None", name: str, *, shared: bool = False, migrate: bool = True) -> Store:
    """The store that a setting means.

    Args:
        database: A store as it is; a path or `sqlite:///path`; `postgresql://host/database`, with its schema and other
            settings as in `?schema=shop&pool_size=20`; `memory:` for one that forgets; None for the
            environment variable `TWOFOLD_DATABASE`, and without that a file named after the application.
        name: The name of the application.
        shared: Whether other processes are to find the same things in it.
        migrate: Whether it upgrades its own tables when it starts; a store that is made already has to agree.

    Raises:
        WiringError: No driver knows the address, or it is known to one process only, or the store upgrades its tables.
    """
    if database is None:
        database = os.environ.get(_VARIABLE) or f"{name}.db"
    if isinstance(database, Path):
        return _SQLITE.open(database, migrate=migrate)
    if not isinstance(database, str):
        if not migrate and isinstance(database, MigratableStore) and database.migrates:
            raise WiringError(f"the application has migrate=False, and its {type(database).__qualname__} has not")
        return database
    if database == "memory:":
        if shared:
            raise WiringError("memory: is known to one process only, and this one has a role beside others")
        return MemoryStore()
    scheme, separator, _ = database.partition("://")
    if not separator and scheme in _DRIVERS:
        raise WiringError(f"{database} is no address, and no good name for a file: write {database}://…")
    if not separator:
        return _SQLITE.open(database, migrate=migrate)
    driver = _DRIVERS.get(scheme)
    if driver is None:
        raise WiringError(
            f"no driver knows a database that starts with {scheme}://; use sqlite:///path,"
            " postgresql://host/database or memory:"
        )
    return driver.open(driver.address(database), migrate=migrate)


def read_database_of(
    read_database: "str | Path | Store | None", database: "str | Path | Store | None"
) -> "str | Path | Store | None":
    """The setting of a database for read models; None when they are where everything else is.

    Args:
        read_database: As for `store_of`, with the environment variable `TWOFOLD_READ_DATABASE`.
        database: The setting of the database of everything else.
    """
    if read_database is None:
        read_database = os.environ.get(_READ_VARIABLE) or None
    if database is None:
        database = os.environ.get(_VARIABLE)
    return None if read_database == database else read_database


def sessions_of(store: Store) -> object | None:
    """What makes SQL sessions on a store, or None for a store without SQL.

    Raises:
        MissingExtraError: SQLAlchemy is not installed.
    """
    store = foundation(store)
    room = type(store).__module__.rpartition(".")[0]
    for driver in (_SQLITE, _POSTGRES):
        if room == driver.room:
            sessions: object = getattr(open_room(f"{room}.sql"), driver.sessions)(store)
            return sessions
    return None
