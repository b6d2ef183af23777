"""Events that handlers name through the module that they are in are known, as those are that are imported by name."""

from typing import Any

import pytest

from tests.app.theatre import events, staff
from tests.app.theatre.handlers import Announce, Clean, Hire, OpenStage, Plan, theatre
from twofold import App
from twofold.app._mentioned import mentioned_by
from twofold.messages import Kind

pytestmark = pytest.mark.anyio


async def test_a_command_records_what_its_code_names_through_a_module() -> None:
    """In the handler, in a function or an aggregate that it calls, and in what it is given; by all of a path, too."""
    async with App("theatre", modules=[theatre], database="memory:") as app:
        for command in (Plan(show="Faust"), Announce(show="Faust"), OpenStage(), Clean(), Hire(name="Ada")):
            assert (await app.execute(command)).is_success
        recorded = [entry.type for entry in await app.store.log.read(0, until=9, limit=9)]
    assert recorded == ["planned", "announced", "opened", "cleaned", "hired"]


async def test_only_what_is_named_and_could_be_recorded_is_known() -> None:
    """What an aggregate applies is, though nothing records it here; the rest of the module is not.

    Nor is another service's event under a name of ours, or a base class: code may look at them. What is not ready to be
    looked at is left alone.
    """
    async with App("theatre", modules=[theatre], database="memory:") as app:
        known = {kind.cls for kind in app.router.catalogue if kind.kind is Kind.EVENT}
    assert known == {events.Planned, events.Announced, events.Opened, events.Cleaned, events.Burnt, staff.Hired}


def test_a_long_way_from_function_to_function_is_followed() -> None:
    """It is longer than Python lets functions call each other."""
    steps = "".join(f"def step{n}():\n    step{n + 1}()\n" for n in range(3000))
    scope: dict[str, Any] = {"__name__": "tests.walking", "events": events}
    exec(f"{steps}def step3000():\n    events.Planned", scope)
    assert mentioned_by(scope["step0"], {events.Planned, events.Opened}) == {events.Planned}
