"""Replaying commands that decide over several streams: what they look at is twofold's own, and of the copy alone."""

import logging
from dataclasses import dataclass
from typing import Annotated

import pytest

from examples._demo.database import Database
from twofold import App, Boundary, Command, Decision, Event, History, Module, Tag
from twofold.app.replay import replaying

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Knock(Command[int]):
    door: str


@dataclass(frozen=True, kw_only=True)
class Knocked(Event):
    door: Annotated[str, Tag("door")]


@dataclass
class Knocks(Decision):
    door: Annotated[str, Tag("door")]
    times: int = 0

    def evolve(self, event: Knocked) -> None:
        self.times += 1


def doors(database: str) -> App:
    """Doors that count."""
    module = Module("doors")

    @module.handler
    async def knock(command: Knock, boundary: Boundary, history: History, logger: logging.Logger) -> int:
        knocks = Knocks(command.door)
        await boundary.read(knocks)
        boundary.record(Knocked(door=command.door), stream=f"door-{command.door}")
        logger.info("heard %d knocks", len(await history.events(f"door-{command.door}")))
        return knocks.times

    return App("doors", modules=[module], database=database)


async def test_a_boundary_and_the_history_need_no_leave(each_database: Database) -> None:
    """Each command is replayed on what was before it, and comes to the same."""
    async with doors(each_database.address) as app:
        for times in range(3):
            assert (await app.execute(Knock(door="front"))).unwrap() == times
    found = list[tuple[int, bool, list[str]]]()
    async with replaying(doors(each_database.address)) as replays:
        async for entry in replays.audit.entries():
            replay = await replays.of(entry)
            found.append((replay.position, replay.same, [f"{one.state} {one.type}" for one in replay.events]))
    assert found == [(position, True, ["same knocked"]) for position in range(3)]
