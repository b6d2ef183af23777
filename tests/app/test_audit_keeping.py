"""How the audit trail of an application is kept: old entries go by its rule, and keys of the environment seal it."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.app.test_audit import Open, bank, written
from tests.reliability.virtual import HandClock, LoopClock, run
from twofold import App
from twofold.app import Auditing
from twofold.errors import StartError, WiringError
from twofold.store import AuditKeyMissing, AuditKeys, MemoryStore, Pruned

OLD, NEW = "old-" * 8, "new-" * 8


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine has set."""
    for name in ("TWOFOLD_AUDIT_KEY", "TWOFOLD_AUDIT_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)


def test_old_entries_are_taken_away_while_the_application_runs() -> None:
    """By its rule, which an entry and every proof tell of; without one nothing ever goes."""

    async def main(audit: bool | Auditing, seconds: float) -> tuple[list[tuple[str, str]], Any]:
        clock = LoopClock()
        async with App("bank", modules=[bank()], database=MemoryStore(), clock=clock, audit=audit) as app:
            for _ in range(2):
                await app.execute(Open())
                await asyncio.sleep(10)
            await asyncio.sleep(seconds)
            left = [(one.message, one.outcome) async for one in app.audit.entries()]
            return left, await app.audit.verify()

    left, verdict = run(main(Auditing(keep=timedelta(minutes=30)), 3700))
    assert left == [("open", "success"), ("twofold.audit_cut", "success")]
    assert (verdict.flaw, verdict.cut.block, verdict.cut.rule) == (None, 1, "keep=0:30:00")
    assert verdict.cut.time - verdict.cut.before == timedelta(minutes=30)
    left, verdict = run(main(True, 100))
    assert (len(left), verdict.flaw, verdict.cut) == (2, None, None)


def test_taking_away_goes_on_until_nothing_old_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some thousand entries at a time, since others wait to write; a dry run tells the same and takes nothing."""
    monkeypatch.setattr("twofold.store._retention._MOST", 2)

    async def main() -> None:
        clock = HandClock()
        async with App("bank", modules=[bank()], database=MemoryStore(), clock=clock) as app:
            for _ in range(6):
                await app.execute(Open())
                await app.audit.seal()
                clock.time += 10
            wanted = Pruned(blocks=5, entries=5, until=5)
            assert await app.audit.prune(clock.now(), dry_run=True) == wanted
            assert len([one async for one in app.audit.entries()]) == 6
            assert await app.audit.prune(clock.now(), user_id="root") == wanted
            left = [(one.number, one.user_id) async for one in app.audit.entries()]
            assert left == [(6, None), (7, "root"), (8, "root"), (9, "root")]
            assert await app.audit.prune(clock.now()) == Pruned()

    run(main())


@pytest.mark.parametrize("keep", [timedelta(), timedelta(days=-1), 90])
def test_a_rule_is_a_time_that_passes(keep: Any) -> None:
    """Anything else is a mistake."""
    with pytest.raises(WiringError, match="timedelta"):
        Auditing(keep=keep)


async def sealed_by(database: Path) -> Any:
    """Send a command to an application on this file, and prove its trail."""
    async with App("bank", modules=[bank()], database=database) as app:
        await app.execute(Open())
        await app.audit.seal()
        return await app.audit.verify()


@pytest.mark.anyio
async def test_keys_of_the_environment_seal_the_trail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a variable or a file, the newest first: old ones prove what they have sealed, and none is written."""
    file, database = tmp_path / "keys", tmp_path / "bank.db"
    verdict = await sealed_by(database)
    assert (verdict.entries, verdict.keyed) == (1, 0)
    monkeypatch.setenv("TWOFOLD_AUDIT_KEY", OLD)
    verdict = await sealed_by(database)
    assert (verdict.entries, verdict.keyed, verdict.head.key) == (2, 1, AuditKeys(OLD).current)
    monkeypatch.delenv("TWOFOLD_AUDIT_KEY")
    file.write_text(f"{NEW}\n{OLD}\n")
    monkeypatch.setenv("TWOFOLD_AUDIT_KEY_FILE", str(file))
    verdict = await sealed_by(database)
    assert (verdict.entries, verdict.keyed, verdict.head.key) == (3, 2, AuditKeys(NEW).current)
    file.write_text(NEW)
    with pytest.raises(AuditKeyMissing, match=AuditKeys(OLD).current):
        await sealed_by(database)
    file.unlink()
    assert not [key for key in (OLD, NEW) if key.encode() in written(tmp_path)]


@pytest.mark.anyio
async def test_without_its_key_a_trail_is_not_sealed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A process that lacks it says so in the log, and leaves what is new to one that has it."""
    database = tmp_path / "bank.db"
    monkeypatch.setenv("TWOFOLD_AUDIT_KEY", OLD)
    await sealed_by(database)
    monkeypatch.delenv("TWOFOLD_AUDIT_KEY")
    async with App("bank", modules=[bank()], database=database) as app:
        await app.execute(Open())
    assert [one.getMessage() for one in caplog.records if one.name == "twofold.audit"] == [
        "the audit trail cannot be sealed"
    ]
    monkeypatch.setenv("TWOFOLD_AUDIT_KEY", OLD)
    verdict = await sealed_by(database)
    assert (verdict.entries, verdict.keyed, verdict.flaw) == (3, 3, None)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "variables, text",
    [
        ({"TWOFOLD_AUDIT_KEY": "too-short-canary"}, "32 characters"),
        ({"TWOFOLD_AUDIT_KEY": OLD, "TWOFOLD_AUDIT_KEY_FILE": "keys"}, "both set"),
        ({"TWOFOLD_AUDIT_KEY_FILE": "not-there"}, "cannot be read"),
        ({"TWOFOLD_AUDIT_KEY_FILE": "/dev/null"}, "no key in it"),
        ({"TWOFOLD_AUDIT_KEY": " "}, "no key in it"),
        ({"TWOFOLD_AUDIT_KEYS": OLD}, "TWOFOLD_AUDIT_KEYS, which nobody reads"),
    ],
)
async def test_keys_that_are_none_keep_it_from_starting(
    variables: dict[str, str], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault tells what is wrong, and nothing of a key."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    app = App("bank", modules=[bank()], database="memory:")
    (fault,) = app.check()
    assert (fault.where, text in fault.text) == ("the environment", True)
    assert not [one for one in (OLD, "canary") if one in f"{fault}"]
    with pytest.raises(StartError):
        await app.start()
    assert App("bank", modules=[bank()], database="memory:", audit=False).check() == []
