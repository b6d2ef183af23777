"""What one request has caused, as a tree that goes on behind the events that reactions are called with."""

from pathlib import Path

import pytest

from tests.app.test_audit import Open, Opened, bank
from twofold import App, CommandBus, Module
from twofold.store import MemoryStore

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("kept", ["memory", "sqlite"])
async def test_what_a_reaction_sends_is_below_the_command_of_its_event(kept: str, tmp_path: Path) -> None:
    """However many events that command has recorded, and beside those of other requests."""
    module = Module("follow")

    @module.on(Opened)
    async def follow(event: Opened, bus: CommandBus) -> None:
        (await bus.execute(Open(count=0))).unwrap()

    database = MemoryStore() if kept == "memory" else tmp_path / "bank.db"
    async with App("bank", modules=[bank(), module], database=database) as app:
        await app.caller(correlation_id="c-1").execute(Open(count=40))
        await app.caller(correlation_id="c-2").execute(Open())
        await app.settle()
        (root,) = await app.audit.tree("c-1")
        (other,) = await app.audit.tree("c-2")
    assert (len(root.caused), len(other.caused)) == (40, 1)
    assert {one.entry.payload[9] for one in (*root.caused, *other.caused)} == {"0"}
