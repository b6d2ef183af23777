"""The wall clock jumps for an hour, there and back, all the time: nothing that follows the log goes by it."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path

import pytest

from tests.until import until
from twofold import App, Event, Module, Unavailable
from twofold.clock import SystemClock

pytestmark = pytest.mark.anyio

NOTE = "notes.note:said"


@dataclass(frozen=True, kw_only=True)
class Said(Event):
    """Something to note."""

    text: str


class Jumping:
    """A clock whose wall shows another hour each time, while its seconds go on."""

    def __init__(self) -> None:
        self._jumps = cycle((0, 1, -1))

    def now(self) -> datetime:
        """Some time around noon."""
        return datetime(2026, 3, 29, 12, tzinfo=UTC) + timedelta(hours=next(self._jumps))

    def monotonic(self) -> float:
        """Seconds of the machine."""
        return SystemClock().monotonic()


class Notes:
    """What was noted, and what goes wrong meanwhile."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.away = 2
        self.poisoned = True
        self.module = Module("notes")

        @self.module.on(Said)
        async def note(event: Said) -> None:
            if event.text == "away" and self.away:
                self.away -= 1
                raise Unavailable("the paper is out")
            if event.text == "poison" and self.poisoned:
                raise KeyError("ink")
            self.seen.append(event.text)


@pytest.fixture
async def jumping(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """A machine whose wall clock jumps as well."""
    jumps, wall = cycle((0, 3600, -3600)), time.time
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: wall() + next(jumps))
        yield


@pytest.mark.usefixtures("jumping")
async def test_leases_back_off_and_parking_do_not_go_by_the_wall_clock(tmp_path: Path) -> None:
    """The owner stays the owner, what is away is waited for, what fails is parked, comes back, and nothing is stuck."""
    notes = Notes()
    one, two = (App("notes", modules=[notes.module], database=tmp_path / "n.db", clock=Jumping()) for _ in range(2))

    async def nothing_parked() -> bool:
        return not await one.parked.list()

    async with one:
        await one.publish(Said(text="a"))
        await one.settle(timeout=30)
        async with two:
            for text in ("away", "b", "poison", "c"):
                await two.publish(Said(text=text))
            await two.settle(timeout=30)
            assert notes.seen == ["a", "away", "b", "c"]
            (parked,) = await two.parked.list(NOTE)
            assert parked.attempts == 5
            notes.poisoned = False
            await two.parked.retry(NOTE, parked.stream)
            await until(nothing_parked)
            await two.publish(Said(text="d"))
            await two.settle(timeout=30)
            assert notes.seen == ["a", "away", "b", "c", "poison", "d"]
            progress = [*await one.progress(), *await two.progress()]
            assert [(each.owned, each.stuck(60)) for each in progress] == [(True, False), (False, False)]
            (checkpoint,) = await two.store.checkpoints.all()
            assert checkpoint.token == 1
