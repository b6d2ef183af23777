"""SQLite in a thread by hand: it takes whatever waits, commits it together if it writes, and tells everyone at once.

It is the floor of what commands can share on SQLite: no pipeline, no unit of work, nothing checked but the version.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self, TypeAlias, TypeVar, final

from benchmarks.twins import connect

T = TypeVar("T")
Work: TypeAlias = Callable[[sqlite3.Connection], T]
_Waiting: TypeAlias = "tuple[Work[Any], asyncio.Future[Any]]"
_LARGEST = 64


@final
class InThread:
    """Runs functions with a connection of its own, those that wait one after the other.

    Args:
        path: The file.
        writes: Whether they write, and are committed together.
    """

    def __init__(self, path: Path, *, writes: bool) -> None:
        self._path = path
        self._writes = writes
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    async def __aenter__(self) -> Self:
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._waiting.put(None)
        await asyncio.to_thread(self._thread.join)

    async def run(self, work: Work[T]) -> T:
        """Have a function run, and wait until the disk has what it wrote."""
        done: asyncio.Future[T] = self._loop.create_future()
        self._waiting.put((work, done))
        return await done

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
            if self._writes:
                connection.execute("BEGIN IMMEDIATE")
            results = [work(connection) for work, _ in group]
            if self._writes:
                connection.execute("COMMIT")
            self._loop.call_soon_threadsafe(_tell, group, results)
        connection.close()


def _tell(group: Sequence[_Waiting], results: Sequence[Any]) -> None:
    for (_, done), result in zip(group, results, strict=True):
        done.set_result(result)
