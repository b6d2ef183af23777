"""Connections to PostgreSQL as this driver uses them, and how they are opened."""

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

import asyncpg

from twofold.errors import WiringError

_NOTHING: Final[Mapping[str, str]] = {}


class Connection(Protocol):
    """What the driver uses of an `asyncpg.Connection`."""

    born: datetime | None
    """When the server began to serve it; None behind a pooler, which hides the server's process."""
    row_security: bool
    """Whether its transactions say whose rows they are about."""
    shows: str
    """The statement that has said so last in its transaction, where it does; empty when that is not known any more."""
    touched: bool
    """Whether SQL of the user's may have left something on it that outlasts its transaction."""

    async def execute(self, query: str, *values: Any, timeout: float | None = None) -> str: ...
    async def executemany(self, command: str, args: Sequence[Sequence[Any]]) -> None: ...
    async def fetch(
        self, query: str, *values: Any, timeout: float | None = None, record_class: type[Any] | None = None
    ) -> Sequence[Any]: ...
    async def fetchrow(self, query: str, *values: Any) -> Any: ...
    async def fetchval(self, query: str, *values: Any, timeout: float | None = None) -> Any: ...
    async def add_listener(self, channel: str, callback: Callable[[Any, int, str, Any], None]) -> None: ...
    async def reset(self) -> None: ...
    async def close(self, *, timeout: float | None = None) -> None: ...
    def add_termination_listener(self, callback: Callable[[Any], None]) -> None: ...
    def get_server_pid(self) -> int: ...
    def get_server_version(self) -> Any: ...
    def get_settings(self) -> Any: ...
    def is_closed(self) -> bool: ...
    def is_in_transaction(self) -> bool: ...
    def terminate(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A database on a server, and how to reach it.

    Args:
        dsn: `postgresql://user:password@host/database`; several hosts are tried in turn until one takes writes.
        connect_timeout: How long to wait for a connection, in seconds.
        lock_timeout: How long a statement may wait for a lock, in seconds.
        read_timeout: How long a connection that reads waits for an answer, in seconds.
        search_path: Where tables without a schema are, as SQL has it; None for what the role is set to.
        row_security: Whether the database itself keeps the rows of tenants apart.
    """

    dsn: str = field(repr=False)
    connect_timeout: float
    lock_timeout: float
    read_timeout: float
    search_path: str | None = None
    row_security: bool = False

    async def connect(self) -> Connection:
        """Open a connection to a server that takes writes."""
        return await self._connect("read-write")

    async def connect_reader(self) -> Connection:
        """Open a connection whose transactions only read, to a server that is no standby."""
        return await self._connect("primary", _READING, self.read_timeout)

    async def connect_replica(self) -> Connection:
        """Open a connection whose transactions only read, to any server."""
        return await self._connect("any", _READING, self.read_timeout)

    async def _connect(
        self, attributes: str, more: Mapping[str, str] = _NOTHING, timeout: float | None = None
    ) -> Connection:
        settings = {
            # What a role or a database is set to must not change what the driver relies on.
            "default_transaction_isolation": "read committed",
            "lock_timeout": f"{round(self.lock_timeout * 1000)}ms",
            **more,
            **({"twofold.every_tenant": "on"} if self.row_security else {}),
        }
        if self.search_path is not None and "search_path" not in self.dsn:
            settings["search_path"] = self.search_path
        if "application_name" not in self.dsn:
            settings["application_name"] = "twofold"
        untyped: Any = asyncpg
        try:
            connection: Connection = await untyped.connect(
                self.dsn,
                timeout=self.connect_timeout,
                command_timeout=timeout,
                target_session_attrs=attributes,
                server_settings=settings,
                connection_class=_Connection,
            )
        except asyncpg.ClientConfigurationError:
            raise
        except ValueError:  # it quotes what it cannot read, which may be a part of the password
            raise WiringError(_UNREADABLE) from None
        _watch_other_end(connection)
        connection.row_security = self.row_security
        try:
            connection.born = await connection.fetchval(_BORN, connection.get_server_pid())
        except BaseException:
            connection.terminate()
            raise
        return connection


def only_reads(connection: Connection) -> bool:
    """Whether every transaction on a connection only reads unless it says otherwise, as the server has told it last."""
    return getattr(connection.get_settings(), "default_transaction_read_only", None) == "on"


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types of its own
    born: datetime | None = None
    row_security = False
    shows = ""
    touched = False


def _watch_other_end(connection: Any) -> None:
    """Have the system close a connection when its other end is gone and nobody has said so."""
    reached: socket.socket = connection._transport.get_extra_info("socket")
    for option, value in _ALIVE if reached.family != socket.AF_UNIX else ():
        reached.setsockopt(*option, value)


_UNREADABLE: Final = (
    "the address of a PostgreSQL database cannot be read: `/`, `@`, `:`, `?` and `#` in a user or password are written"
    " `%2F`, `%40`, `%3A`, `%3F` and `%23`, and a port is a number"
)
_ALIVE: Final = [
    ((socket.SOL_SOCKET, socket.SO_KEEPALIVE), 1),
    *(
        ((socket.IPPROTO_TCP, getattr(socket, name)), value)
        for name, value in {
            "TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 25_000
        }.items()
        if hasattr(socket, name)
    ),
]  # fmt: skip
"""Silent for ten seconds, and to three questions, five apart: 25 seconds, as long as what is sent may go unanswered."""
_READING: Final = {"default_transaction_read_only": "on"}
# Not of the view: with its joins that takes as long as the connecting.
_BORN: Final = "SELECT backend_start FROM pg_catalog.pg_stat_get_activity(pg_backend_pid()) WHERE pid = $1"
