"""Power cuts: writes and syncs are recorded, and the database is opened as each moment of them leaves it."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Literal

import pytest

from tests.drivers.sqlite.conftest import Start
from tests.drivers.sqlite.disk import Disk, Recording
from twofold.drivers.sqlite import SqliteStore
from twofold.testing._store_case import append, whole_log

pytestmark = pytest.mark.anyio

# A checkpoint at twenty pages: the main file is written again and again, and the write-ahead log begins anew.
WRITE = """
import asyncio, sys
from tests.drivers.sqlite.disk import acknowledge
from twofold.drivers.sqlite import SqliteStore, _open
from twofold.store import Append, Batch, Move
from twofold.testing._store_case import drafts

class Eager(_open.GuardedConnection):
    def begin_write(self):
        self.execute("PRAGMA wal_autocheckpoint = 20")
        super().begin_write()

_open.GuardedConnection = Eager

async def main(path, units, durability):
    store = SqliteStore(path, durability=durability)
    await store.start()
    for number in range(int(units)):
        both = Append("a", drafts(1 + number % 3)), Append(f"b{number}", drafts(2))
        await store.commit(Batch(both, moves=(Move("p", number + 1, number),)))
        acknowledge()
    await store.stop()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("durability", ["full", "normal"])
@pytest.mark.parametrize("units", [12, pytest.param(120, marks=pytest.mark.faults)])
async def test_a_power_cut_at_any_moment_leaves_whole_units(
    path: Path, tmp_path: Path, start: Start, units: int, durability: Literal["full", "normal"]
) -> None:
    """Whatever of the writes that nobody synced the disk has lost, the database is sound, and holds the first units.

    With `durability="full"` all that were acknowledged are among them; with "normal" the last may be missing, whole.
    Skipped where there is no C compiler to build what records.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    recording = await asyncio.to_thread(Recording, compiler, tmp_path, path)
    writer = start(WRITE, recording.database, units, durability, env=recording.environment)
    await asyncio.to_thread(writer.communicate, None, 60)
    assert writer.returncode == 0
    disk, acknowledged, lost, chance = Disk(), 0, 0, Random(units)
    steps = list(recording.steps())
    assert {("W", ""), ("S", ""), ("W", "-wal"), ("S", "-wal"), ("U", "-wal")} <= {step[:2] for step in steps}
    for number, step in enumerate(steps):
        disk.take(step)
        acknowledged += step.what == "A"
        if not acknowledged:
            continue
        for torn in (None, chance):
            left = tmp_path / f"{number}-{torn is not None}" / "log.db"
            left.parent.mkdir()
            disk.leave(left, torn)
            found = _found(left)
            assert acknowledged - found <= (units if durability == "normal" and torn else 0), (number, step[:3])
            lost = max(lost, acknowledged - found)
            if number % 100 == 0:
                await _goes_on(left)
            shutil.rmtree(left.parent)
    assert acknowledged == units
    assert (lost > 0) is (durability == "normal")


def _found(database: Path) -> int:
    """How many units are there: the first so many, each whole, in a database that is sound."""
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        streams = [stream for (stream,) in connection.execute("SELECT stream FROM twofold_events ORDER BY position")]
        row = connection.execute("SELECT position FROM twofold_checkpoints WHERE name = 'p'").fetchone()
    units = 0 if row is None else int(row[0])
    assert streams == [name for n in range(units) for name in ["a"] * (1 + n % 3) + [f"b{n}"] * 2]
    return units


async def _goes_on(database: Path) -> None:
    """Whoever opens the store goes on there."""
    store = SqliteStore(database)
    await store.start()
    before = len(await whole_log(store))
    await store.commit(append("after"))
    assert len(await whole_log(store)) == before + 1
    await store.stop()
