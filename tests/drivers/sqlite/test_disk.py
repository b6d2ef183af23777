"""Disks that fail: nothing is acknowledged that is not there, and the store says what became of it."""

import asyncio
import shutil
import sqlite3
import subprocess
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

from tests.drivers.sqlite.conftest import Start, StoreOn, Together
from twofold.drivers.sqlite import SqliteStore, _open
from twofold.drivers.sqlite._guard import GuardedConnection
from twofold.errors import OutcomeUnknown, StoreUnavailable, Unavailable, VersionConflict
from twofold.testing._store_case import append, whole_log

pytestmark = pytest.mark.anyio

FAILING_SYNC = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int call(const char *name, int file) {
    if (access(getenv("FAIL_SYNC"), F_OK) == 0) { errno = EIO; return -1; }
    return ((int (*)(int))dlsym(RTLD_NEXT, name))(file);
}
int fsync(int file) { return call("fsync", file); }
int fdatasync(int file) { return call("fdatasync", file); }
"""
COMMIT_WHILE_SYNC_FAILS = """
import asyncio, os, pathlib, sys
from twofold.drivers.sqlite import SqliteStore
from twofold.testing._store_case import append

async def main():
    failing = pathlib.Path(os.environ["FAIL_SYNC"])
    store = SqliteStore(sys.argv[1])
    await store.start()
    await store.commit(append("before"))
    failing.touch()
    under_way = [store.commit(append(f"s{n}")) for n in range(3)]
    print(*(type(error).__name__ for error in await asyncio.gather(*under_way, return_exceptions=True)))
    failing.unlink()
    for write in (store.commit(append("later")), store.begin().run(lambda connection: None)):
        try:
            await write
        except Exception as error:
            print(type(error).__name__)
    print(await store.log.head())
    await store.stop()

asyncio.run(main())
"""

QUOTA = """
import asyncio, os, resource, sys
from twofold.drivers.sqlite import SqliteStore
from twofold.errors import StoreUnavailable
from twofold.testing._store_case import append

async def main():
    store = SqliteStore(sys.argv[1])
    await store.start()
    await store.commit(append("before"))
    size = os.stat(sys.argv[1] + "-wal").st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 2000, hard))
    for _ in range(3):
        try:
            await store.commit(append("refused", 50))
        except StoreUnavailable as error:
            print("refused")
    print(await store.log.head())
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    print((await store.commit(append("after", 50))).versions)
    await store.stop()

asyncio.run(main())
"""


async def test_a_quota_refuses_and_recovers(path: Path, start: Start) -> None:
    """Writes that the system refuses are refused cleanly; when there is room again the store goes on by itself."""
    process = start(QUOTA, path)
    told, _ = await asyncio.to_thread(process.communicate, None, 60)
    assert told.splitlines() == ["refused", "refused", "refused", "1", "{'after': 50}"]
    store = SqliteStore(path)
    await store.start()
    assert {event.stream for event in await whole_log(store)} == {"before", "after"}
    await store.stop()


class FailingDisk(GuardedConnection):
    """A connection whose commits fail as they do when the disk does not take an fsync."""

    failing = False

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        alone = not self.in_transaction and sql.startswith("INSERT")
        if self.failing and (alone or sql.startswith("COMMIT")):
            try:
                if alone:
                    super().execute("BEGIN")
                    super().execute(sql, *values)
            finally:
                self.roll_back()
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
            raise error
        return super().execute(sql, *values)


async def test_after_a_failed_sync_nothing_is_written(
    store_on: StoreOn, together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit whose fsync failed is told as unknown; then the store writes no more, and can be read and reopened."""
    store = await store_on(FailingDisk)
    await store.commit(append("a"))
    monkeypatch.setattr(FailingDisk, "failing", True)
    outcomes = await together(store, [append("b"), append("a", 1, expected=7), append("c")])
    assert [type(outcome) for outcome in outcomes] == [OutcomeUnknown, VersionConflict, OutcomeUnknown]
    assert outcomes[0] is not outcomes[2]
    monkeypatch.setattr(FailingDisk, "failing", False)
    with pytest.raises(StoreUnavailable, match="writes no more"):
        await store.commit(append("a"))
    with pytest.raises(StoreUnavailable, match="writes no more"):
        await store.begin().run(lambda connection: None)
    assert [event.stream for event in await whole_log(store)] == ["a"]
    await store.stop()
    await store.start()
    await store.commit(append("a", 1, expected=1))


async def test_a_failed_sync_of_a_statement_that_commits_by_itself(
    store_on: StoreOn, together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Units that are one statement are told the same, and none of them is tried again."""
    store = await store_on(FailingDisk)
    monkeypatch.setattr(FailingDisk, "failing", True)
    outcomes = await together(store, [append("a"), append("b")])
    assert [type(outcome) for outcome in outcomes] == [OutcomeUnknown, OutcomeUnknown]
    assert outcomes[0] is not outcomes[1]
    monkeypatch.setattr(FailingDisk, "failing", False)
    refused = await asyncio.gather(*map(store.commit, [append("a"), append("b")]), return_exceptions=True)
    assert all(isinstance(outcome, StoreUnavailable) and "writes no more" in str(outcome) for outcome in refused)
    assert await whole_log(store) == []


async def test_a_sync_that_really_fails(path: Path, tmp_path: Path, start: Start) -> None:
    """The same with the system's own fsync failing; skipped where there is no C compiler to build that."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    library = tmp_path / "failing_sync.so"
    build = [compiler, "-shared", "-fPIC", "-o", str(library), "-x", "c", "-", "-ldl"]
    await asyncio.to_thread(subprocess.run, build, input=FAILING_SYNC.encode(), check=True)
    preload = {"LD_PRELOAD": str(library), "FAIL_SYNC": str(tmp_path / "failing")}
    process = start(COMMIT_WHILE_SYNC_FAILS, path, env=preload)
    told, _ = await asyncio.to_thread(process.communicate, None, 60)
    under_way, *later = told.splitlines()
    assert under_way.startswith("OutcomeUnknown ")
    assert set(under_way.split()) <= {"OutcomeUnknown", "StoreUnavailable"}
    assert later == ["StoreUnavailable", "StoreUnavailable", "1"]
    store = SqliteStore(path)
    await store.start()
    streams = [event.stream for event in await whole_log(store)]
    assert streams in (["before"], ["before", "s0"], ["before", "s0", "s1", "s2"])
    await store.stop()


class BrokenConnection(GuardedConnection):
    """A connection that cannot even roll back."""

    def roll_back(self) -> None:
        raise sqlite3.OperationalError("cannot roll back")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("held", [False, True])
async def test_a_writer_that_fails_leaves_nobody_waiting(
    path: Path, monkeypatch: pytest.MonkeyPatch, held: bool
) -> None:
    """When the writer's thread itself comes to an end, everyone who waits for it is told, and so are the next ones."""
    store = SqliteStore(path)
    await store.start()
    await store.stop()
    monkeypatch.setattr(_open, "GuardedConnection", BrokenConnection)
    monkeypatch.setattr(_open, "upgrade", lambda connection: None)
    await store.start()
    doomed: Awaitable[object]
    if held:
        transaction = store.begin()
        await transaction.run(lambda connection: None)
        doomed = transaction.commit(append("a", 1, expected=7))
    else:
        doomed = store.commit(append("a", 1, expected=7))
    waiting = asyncio.ensure_future(doomed)
    others = [asyncio.create_task(store.commit(append("b"))) for _ in range(3)]
    outcomes = await asyncio.wait_for(asyncio.gather(waiting, *others, return_exceptions=True), 20)
    assert all(isinstance(outcome, Unavailable | VersionConflict) for outcome in outcomes)
    assert not isinstance(outcomes[-1], VersionConflict)
    with pytest.raises(StoreUnavailable):
        await store.commit(append("a"))
    await store.stop()
