"""From a setting to a store: the one place that knows which driver belongs to which address."""

import os
from pathlib import Path

from twofold.app._room import open_room
from twofold.errors import WiringError
from twofold.store import MemoryStore, Store

_VARIABLE = "TWOFOLD_DATABASE"
_SQLITE = "twofold.drivers.sqlite"


def store_of(database: "str | Path | Store | None", name: str, *, shared: bool = False) -> Store:
    """The store that a setting means.

    Args:
        database: A store as it is; a path or `sqlite:///path`; `memory:` for one that forgets; None for the environment
            variable `TWOFOLD_DATABASE`, and without that a file named after the application.
        name: The name of the application.
        shared: Whether other processes are to find the same things in it.

    Raises:
        WiringError: No driver knows the address, or it is known to one process only.
    """
    if database is None:
        database = os.environ.get(_VARIABLE) or f"{name}.db"
    if isinstance(database, Path):
        return _sqlite(database)
    if not isinstance(database, str):
        return database
    if database == "memory:":
        if shared:
            raise WiringError("memory: is known to one process only, and this one has a role beside others")
        return MemoryStore()
    scheme, separator, rest = database.partition("://")
    if not separator:
        return _sqlite(database)
    if scheme == "sqlite":
        return _sqlite(rest.removeprefix("/"))
    raise WiringError(f"no driver knows a database that starts with {scheme}://; use sqlite:///path or memory:")


def sessions_of(store: Store) -> object | None:
    """What makes SQL sessions on a store, or None for a store without SQL.

    Raises:
        MissingExtraError: SQLAlchemy is not installed.
    """
    if not type(store).__module__.startswith(f"{_SQLITE}."):
        return None
    sessions: object = open_room(f"{_SQLITE}.sql").SqliteSessions(store)
    return sessions


def _sqlite(path: str | Path) -> Store:
    store: Store = open_room(_SQLITE).SqliteStore(path)
    return store
