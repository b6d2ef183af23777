"""An application with a writer that dies between writing to its technology, another database, and its checkpoint.

`python -m tests.app.outside FOLDER KILL_AT` records five events when there are none, and ends when they are written, or
kills itself right after writing the one at the position `KILL_AT`.
"""

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from twofold import App, Event, Module
from twofold.messages import Context
from twofold.store import Fact, Recorded


@dataclass(frozen=True, kw_only=True)
class Counted(Event):
    """An event."""

    number: int


class Elsewhere:
    """A database that knows nothing of twofold: what it is told, it keeps at once."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("CREATE TABLE IF NOT EXISTS told (position INTEGER, number INTEGER)")
        self._connection.execute("CREATE TABLE IF NOT EXISTS counted (position INTEGER PRIMARY KEY, number INTEGER)")

    def put(self, position: int, number: int) -> None:
        """Note that it was told, and upsert under the position."""
        self._connection.execute("INSERT INTO told VALUES (?, ?)", (position, number))
        self._connection.execute("INSERT OR REPLACE INTO counted VALUES (?, ?)", (position, number))


def application(folder: Path, kill_at: int, *, batched: bool) -> App:
    """With the writer in either shape."""
    module = Module("outside")
    module.provide(Elsewhere, lambda: Elsewhere(folder / "elsewhere.db"), scope="app")

    class Writer:
        def __init__(self, elsewhere: Elsewhere) -> None:
            self._elsewhere = elsewhere

        def _put(self, event: Counted, recorded: Recorded) -> None:
            self._elsewhere.put(recorded.position, event.number)
            if recorded.position == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    class OneByOne(Writer):
        async def counted(self, event: Counted, recorded: Recorded) -> None:
            self._put(event, recorded)

    class Batched(Writer):
        async def write(self, facts: Sequence[Fact]) -> None:
            for fact in facts:
                self._put(fact.event, fact.recorded)

    if batched:
        module.writer("elsewhere", events=[Counted])(Batched)
    else:
        module.writer("elsewhere")(OneByOne)
    return App("outside", modules=[module], database=folder / "log.db")


async def main(folder: Path, kill_at: int, *, batched: bool) -> None:
    """Record, and wait until all is written."""
    async with application(folder, kill_at, batched=batched) as app:
        if not await app.store.log.head():
            unit = app.new_unit(Context())
            unit.append("numbers", *(Counted(number=10 * n) for n in range(1, 6)))
            await unit.commit()
        await app.settle()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), batched=sys.argv[3] == "batched"))
