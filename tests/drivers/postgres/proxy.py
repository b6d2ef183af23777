"""Stands between a store and its server: hears what clients say, and may stop passing on what the server does."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import final


@final
class Proxy:
    """Listens in a folder of its own, as PostgreSQL does.

    Args:
        folder: Where to listen.
        target: The socket of the server.
    """

    def __init__(self, folder: Path, target: Path) -> None:
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
        self.folder = folder
        self._path = folder / ".s.PGSQL.5432"
        self._target = target
        self._server: asyncio.Server | None = None
        self._writers = list[asyncio.StreamWriter]()
        self._tasks = set[asyncio.Task[None]]()

    async def open(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self._path)

    async def close(self) -> None:
        assert self._server
        self._server.close()
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
        from_server, to_server = await asyncio.open_unix_connection(self._target)
        self._writers.append(to_server)
        silent, turns = asyncio.Event(), [b""]
        self.turns.append(turns)
        for pumping in (self._up(reader, to_server, silent, turns), self._down(from_server, writer, silent, turns)):
            task = asyncio.create_task(pumping)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

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
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, silent: asyncio.Event, turns: list[bytes]
    ) -> None:
        with suppress(OSError):
            while said := await source.read(65536):
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
