"""The end of an attempt that lies beside its beginning, read by the application of a later day."""

from dataclasses import dataclass

import pytest

from twofold.errors import Undecodable
from twofold.messages import Catalogue, Encoded, Event, Upcast, Upcaster, event
from twofold.store import from_header
from twofold.store._attempt import as_header


@dataclass(frozen=True, kw_only=True)
class Failed(Event):
    """How it was."""

    why: str


@event(name="failed", version=2)
@dataclass(frozen=True, kw_only=True)
class FailedToday(Event):
    """How it is."""

    reason: str


def today(change: Upcast) -> Catalogue:
    """The messages of today."""
    catalogue = Catalogue()
    catalogue.add(FailedToday)
    catalogue.upcasters.add(Upcaster("failed", 1, change))
    return catalogue


def test_it_is_upcast_like_any_event_of_the_log() -> None:
    """Its version lies beside it."""
    before = Catalogue()
    before.add(Failed)
    header = as_header(before, Failed(why="interrupted"))
    assert from_header(before, header) == Failed(why="interrupted")
    known = today(lambda data: {"reason": data["why"]})
    assert from_header(known, header) == FailedToday(reason="interrupted")


def test_an_attempt_has_one_end() -> None:
    """What has become none or several ends none."""
    with pytest.raises(Undecodable, match="it has become 0 events"):
        from_header(today(lambda data: None), "failed 1 {}")
    with pytest.raises(Undecodable, match="it has become 2 events"):
        from_header(today(lambda data: [Encoded("failed", {"reason": "x"}, 2)] * 2), "failed 1 {}")
