"""Processes that die, and files that end too early: what was acknowledged is there, and nothing is there by half."""

import json
import shutil
import signal
from pathlib import Path

import pytest

from tests.drivers.lives import lives
from tests.drivers.sqlite import whole
from tests.drivers.sqlite.conftest import Start
from twofold.drivers.sqlite import SqliteStore
from twofold.store import Append, Batch, Move
from twofold.testing._store_case import drafts, versions, whole_log

pytestmark = pytest.mark.anyio

WRITE_UNTIL_KILLED = """
import asyncio, itertools, sys
from twofold.drivers.sqlite import SqliteStore
from twofold.store import Append, Batch
from twofold.testing._store_case import drafts

async def main():
    store = SqliteStore(sys.argv[1])
    await store.start()
    numbers = itertools.count()

    async def write():
        for number in numbers:
            both = Append(f"{sys.argv[2]}-a{number}", drafts(2), 0), Append(f"{sys.argv[2]}-b{number}", drafts(1), 0)
            await store.commit(Batch((*both, Append("shared", drafts(1)))))
            print(number, flush=True)

    await asyncio.gather(*(write() for _ in range(16)))

asyncio.run(main())
"""

DIE_AT_STATEMENT = """
import asyncio, os, signal
from tests.drivers.sqlite import whole
from twofold.drivers.sqlite import SqliteStore, _open

class Mortal(_open.GuardedConnection):
    statements = 0
    mortal = False

    def execute(self, *arguments):
        self.live()
        return super().execute(*arguments)

    def executemany(self, *arguments):
        self.live()
        return super().executemany(*arguments)

    def live(self):
        if not Mortal.mortal:
            return
        if Mortal.statements == Mortal.fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        Mortal.statements += 1

_open.GuardedConnection = Mortal

async def main(path, way):
    store = SqliteStore(path)
    await store.start()
    Mortal.mortal = True
    await getattr(whole, way)(store)
    Mortal.mortal = False
    await store.stop()

def live(path, way, fatal):
    Mortal.fatal = fatal
    asyncio.run(main(path, way))
"""
NOTHING = dict.fromkeys(("events", "rows", "p", "q", "parked", "entries", "snapshots", "answers"), 0)
WHOLE = {"events": 3, "rows": 1, "p": 3, "q": 3, "parked": 1, "entries": 1, "snapshots": 1, "answers": 0}


async def test_a_killed_writer_loses_nothing_it_acknowledged(path: Path, start: Start) -> None:
    """Writers are killed in the middle of their load, again and again; every acknowledged unit is there, whole."""
    for life in range(3):
        writer = start(WRITE_UNTIL_KILLED, path, life)
        assert writer.stdout is not None
        acknowledged = {int(writer.stdout.readline()) for _ in range(150)}
        writer.send_signal(signal.SIGKILL)
        acknowledged |= {int(line) for line in writer.stdout if line.endswith("\n")}
        store = SqliteStore(path)
        await store.start()
        streams = {event.stream for event in await whole_log(store)}
        assert acknowledged <= {int(name.removeprefix(f"{life}-a")) for name in streams if f"{life}-a" in name}
        for name in streams - {"shared"}:
            assert await versions(store, name) == ([1, 2] if "-a" in name else [1])
            assert name.replace("-a", "-b") in streams
        units = sum("-b" in name for name in streams)
        assert await versions(store, "shared") == list(range(1, units + 1))
        await store.stop()


@pytest.mark.parametrize(
    "way, everything, fewest", [("at_once", WHOLE, 12), ("held", {**WHOLE, "rows": 2, "answers": 1}, 15)]
)
async def test_death_between_any_two_statements_leaves_all_or_nothing(
    tmp_path: Path, way: str, everything: dict[str, int], fewest: int
) -> None:
    """A process that dies before the n-th statement of a unit has written nothing, for each n; after it, everything.

    Events, rows of a projection and of the application's own SQL, checkpoints, what is parked, the entry of the audit
    trail, the snapshot and the answer under a key are one unit.
    """
    prepared = tmp_path / "prepared.db"
    store = SqliteStore(prepared)
    await store.start()
    await store.create_tables([whole.TALLY])
    await store.stop()
    with lives(DIE_AT_STATEMENT) as live:
        for fatal in range(100):
            path = Path(shutil.copy(prepared, tmp_path / f"{fatal}.db"))
            died = live(str(path), way, fatal) == -signal.SIGKILL
            store = SqliteStore(path)
            await store.start()
            assert await whole.found(store) == (NOTHING if died else everything)
            await store.stop()
            if not died:
                break
    assert fewest < fatal < 99


async def test_a_log_cut_off_anywhere_holds_whole_units(path: Path, tmp_path: Path) -> None:
    """However much of the write-ahead log a power cut leaves, the store opens with the first so many units, whole."""
    store = SqliteStore(path)
    await store.start()
    for number in range(12):
        both = Append("a", drafts(1 + number % 3)), Append(f"b{number}", drafts(2))
        await store.commit(Batch(both, moves=(Move("p", number + 1, number),)))
    expected = json.dumps([event.stream for event in await whole_log(store)])
    log = path.with_name("log.db-wal").read_bytes()
    seen = set[int]()
    for length in range(0, len(log) + 1, max(1, len(log) // 40)):
        cut = tmp_path / str(length) / "log.db"
        cut.parent.mkdir()
        shutil.copy(path, cut)
        cut.with_name("log.db-wal").write_bytes(log[:length])
        survivor = SqliteStore(cut)
        await survivor.start()
        units = (await survivor.checkpoints.get("p")).position
        streams = [event.stream for event in await whole_log(survivor)]
        assert expected.startswith(json.dumps(streams)[:-1])
        assert len(streams) == sum(1 + number % 3 + 2 for number in range(units))
        seen.add(units)
        await survivor.stop()
    assert len(seen) > 8
    await store.stop()
