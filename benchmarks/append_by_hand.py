"""Group commit by hand: a thread that takes whatever waits, writes it in one transaction, and tells everyone at once.

It is the floor of what commands can share on SQLite: no pipeline, no unit of work, nothing checked but the version.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self, TypeAlias, final

from benchmarks.twins import connect

Work: TypeAlias = Callable[[sqlite3.Connection], None]
_Waiting: TypeAlias = tuple[Work, "asyncio.Future[None]"]
_LARGEST = 64


@final
class GroupCommit:
    """Takes functions that write, and commits those that wait together.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    async def __aenter__(self) -> Self:
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._waiting.put(None)
        await asyncio.to_thread(self._thread.join)

    async def commit(self, work: Work) -> None:
        """Have a function write, and wait until the disk has it."""
        written = self._loop.create_future()
        self._waiting.put((work, written))
        await written

    def _serve(self) -> None:
        connection = connect(self._path)
        while (first := self._waiting.get()) is not None:
            group = [first]
            while len(group) < _LARGEST and not self._waiting.empty():
                one = self._waiting.get()
                if one is None:
                    self._waiting.put(None)
                    break
                group.append(one)
            connection.execute("BEGIN IMMEDIATE")
            for work, _ in group:
                work(connection)
            connection.execute("COMMIT")
            self._loop.call_soon_threadsafe(_tell, group)
        connection.close()


def _tell(group: Sequence[_Waiting]) -> None:
    for _, written in group:
        written.set_result(None)
