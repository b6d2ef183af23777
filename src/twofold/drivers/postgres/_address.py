"""From an address to a store: the query of the address may hold settings of the store beside those of PostgreSQL."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote_plus

from twofold.drivers.postgres._store import PostgresStore
from twofold.errors import WiringError


def _switch(word: str) -> bool:
    if word not in ("on", "off"):
        raise ValueError(word)
    return word == "on"


_SETTINGS: Final[Mapping[str, Callable[[str], Any]]] = {
    "schema": str,
    "pool_size": int,
    "readers": int,
    "turn_timeout": float,
    "commit_timeout": float,
    "acquire_timeout": float,
    "read_timeout": float,
    "waiting": int,
    "ordering": str,
    "row_security": _switch,
}


def store_at(address: str, *, migrate: bool = True) -> PostgresStore:
    """The store that an address means.

    Args:
        address: `postgresql://user:password@host/database`, and after a `?` any of the settings of `PostgresStore`, as
            in `?schema=shop&pool_size=20`. All else is for PostgreSQL.
        migrate: Whether it upgrades its own tables when it starts.

    Raises:
        WiringError: A setting has a value that it cannot have.
    """
    url, _, query = address.partition("?")
    settings, others = dict[str, Any](), list[str]()
    for part in query.split("&") if query else ():
        name, _, value = part.partition("=")
        read = _SETTINGS.get(name)
        if read is None:
            others.append(part)
            continue
        try:
            settings[name] = read(unquote_plus(value))
        except ValueError:
            raise WiringError(f"a PostgreSQL store cannot have {name}={unquote_plus(value)!r}") from None
    return PostgresStore(f"{url}?{'&'.join(others)}" if others else url, migrate=migrate, **settings)
