"""Stands between a store and its server: hears what clients say, and may stop passing on what the server does."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Final, final
from urllib.parse import parse_qsl, urlencode, urlsplit

_SOCKET: Final = ".s.PGSQL.{}"


@final
class Proxy:
    """Listens in a folder of its own, as PostgreSQL does.

    Args:
        folder: Where to listen.
        target: The URL of the server.
    """

    def __init__(self, folder: Path, target: str) -> None:
        self.deaf_after: bytes | None = None
        """What a client must say for its connection, and all later ones if `for_good`, to be cut off from answers."""
        self.for_good = False
        self.cut = asyncio.Event()
        """Set when somebody was cut off."""
        self.loses: bytes | None = None
        """What the server says in vain: the client is not told."""
        self.lost = asyncio.Event()
        """Set when something was lost."""
        self.turns = list[list[bytes]]()
        """What each client has said, in turns: each ends where it waited for the server. A turn is a round trip."""
        self._folder = folder
        self._target = urlsplit(target)
        self._server: asyncio.Server | None = None
        self._writers = list[asyncio.StreamWriter]()
        self._tasks = set[asyncio.Task[None]]()
        self._ports = list[asyncio.Server]()
        self._half_open = list[asyncio.Event]()

    @property
    def url(self) -> str:
        """The URL of the server, with the way through here."""
        user, _, _ = self._target.netloc.rpartition("@")
        query = urlencode(dict(parse_qsl(self._target.query)) | {"host": str(self._folder)}, safe="/")
        return self._target._replace(netloc=f"{user}@", query=query).geturl()

    def forget(self) -> None:
        """Tell those who are connected nothing any more, nor that their connections are gone."""
        for half_open in self._half_open:
            half_open.set()

    async def open(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self._folder / _SOCKET.format(5432))

    async def open_port(self) -> int:
        """Listen at a port too; it is closed with the connections."""
        by_port = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._ports.append(by_port)
        port: int = by_port.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        assert self._server
        for server in (self._server, *self._ports):
            server.close()
        for writer in self._writers:
            writer.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        if self.cut.is_set() and self.for_good:
            writer.close()
            return
        from_server, to_server = await self._reach()
        self._writers.append(to_server)
        silent, half_open, turns = asyncio.Event(), asyncio.Event(), [b""]
        self._half_open.append(half_open)
        self.turns.append(turns)
        down = self._down(from_server, writer, silent, half_open, turns)
        for pumping in (self._up(reader, to_server, silent, turns), down):
            task = asyncio.create_task(pumping)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host = self._target.hostname or dict(parse_qsl(self._target.query))["host"]
        port = self._target.port or 5432
        if host.startswith("/"):
            return await asyncio.open_unix_connection(Path(host) / _SOCKET.format(port))
        return await asyncio.open_connection(host, port)

    async def _up(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, silent: asyncio.Event, turns: list[bytes]
    ) -> None:
        with suppress(OSError):
            while said := await source.read(65536):
                turns[-1] += said
                if self.deaf_after is not None and self.deaf_after in said:
                    self.deaf_after = None
                    silent.set()
                target.write(said)
            target.close()

    async def _down(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        silent: asyncio.Event,
        half_open: asyncio.Event,
        turns: list[bytes],
    ) -> None:
        with suppress(OSError):
            while said := await source.read(65536):
                if half_open.is_set():
                    continue
                if silent.is_set():
                    self.cut.set()
                    break
                if self.loses is not None and self.loses in said:
                    self.lost.set()
                    continue
                if turns[-1]:
                    turns.append(b"")
                target.write(said)
            target.close()
