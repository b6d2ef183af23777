"""What an application is made of, as plain data."""

import json
from typing import Any, Optional

import pytest

from tests.app.bank import Announced, app_on, bank
from twofold import App, Module
from twofold.app.description import describe, type_name
from twofold.errors import StartError
from twofold.store import MemoryStore


def test_it_names_handlers_events_and_projections() -> None:
    """Before it runs, and the same every time."""
    module = Module("more")

    @module.on(Announced)
    async def react(event: Announced) -> None:
        """React."""

    @module.on(Announced, durable=False)
    async def hint(event: Announced) -> None:
        """React where it was committed."""

    found = describe(app_on(MemoryStore(), module))
    assert found.modules == ("bank", "more")
    assert [one.message for one in found.handlers if one.kind == "command"] == [
        "announce",
        "deposit",
        "open",
        "transfer",
    ]
    opening = next(one for one in found.handlers if one.message == "open")
    assert opening.depends_on == ("Repository[Account]",)
    assert opening.answers.startswith("Result[str")
    assert "transaction" in opening.stages
    events = {event.name: event for event in found.events}
    assert set(events) == {"announced", "changed", "opened"}
    assert events["changed"].projections == ("now", "soon")
    where = f"{__name__}.test_it_names_handlers_events_and_projections.<locals>"
    assert events["announced"].reactions == (f"{where}.react", f"{where}.hint (local)")
    assert [(one.name, one.mode, one.events) for one in found.projections] == [
        ("now", "inline", ("changed",)),
        ("soon", "async", ("changed",)),
    ]


def test_it_is_ready_for_json() -> None:
    """Nothing but text, numbers and lists."""
    described = describe(app_on(MemoryStore())).as_dict()
    assert json.loads(json.dumps(described))["name"] == "bank"


def test_an_unsound_one_is_not_described() -> None:
    """The faults are told instead."""
    with pytest.raises(StartError):
        describe(App("bank", modules=[bank()], database=MemoryStore()))


def test_a_type_is_told_as_people_write_it() -> None:
    """However it was made: what Python calls `Optional` is a choice like any other."""
    choice: Any = Optional[int]  # noqa: UP045  # what typing makes of a text with a bar in it
    assert [type_name(one) for one in (int, None, choice, list[Announced])] == [
        "int",
        "None",
        "int | None",
        "list[Announced]",
    ]
