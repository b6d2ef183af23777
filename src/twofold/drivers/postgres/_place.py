"""Which database is meant, for whoever opens a store; never with who logs in, or settings, for it ends up in logs."""

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final, final
from urllib.parse import parse_qsl, unquote, urlsplit

from twofold.errors import Hinted, StoreUnavailable

_HINT: Final = "start the server, or mend the address"


@final
class NotOpened(Hinted, StoreUnavailable):
    """A store cannot be opened, and this names its database; nothing serves yet that would tell it to clients."""


@contextmanager
def opening(address: str) -> Generator[None]:
    """Have the errors of a block that opens a database say which one.

    Args:
        address: `postgresql://user:password@host/database`.

    Raises:
        StoreUnavailable: The block raised one; this one has the place in front, and the same cause.
    """
    try:
        yield
    except StoreUnavailable as error:
        place, cause = place_of(address), error.__cause__
        text = f"{place}: {error.detail}" if place else error.detail
        raise NotOpened(text, hint=_HINT if isinstance(cause, OSError) else error.hint) from cause


def place_of(address: str) -> str:
    """The hosts, ports and database of an address, as asyncpg finds them; empty where that cannot be told.

    Args:
        address: `postgresql://user:password@host/database`.
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    if "@" in f"{parts.path}{parts.query}{parts.fragment}":
        return ""  # of a password with `/`, `?` or `#` in it, only what is before that would be left out
    query = dict(parse_qsl(parts.query))
    hosts = parts.netloc.rpartition("@")[2] or query.get("host") or os.environ.get("PGHOST")
    if not hosts and ("service" in query or "PGSERVICE" in os.environ):
        return ""
    ports = query.get("port") or os.environ.get("PGPORT") or "5432"
    name = parts.path.removeprefix("/") or query.get("dbname") or query.get("database") or os.environ.get("PGDATABASE")
    reached = _with_ports((hosts or "localhost").split(","), ports.split(","))
    return f"{reached}, database {unquote(name)}" if name else reached


def _with_ports(hosts: Sequence[str], ports: Sequence[str]) -> str:
    each = ports if len(ports) == len(hosts) else [ports[0]] * len(hosts)
    return ", ".join(
        unquote(host) if ":" in host.rpartition("]")[2] else f"{unquote(host)}:{port}"
        for host, port in zip(hosts, each, strict=True)
    )
