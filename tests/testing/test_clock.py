"""The clock that a test owns."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from twofold.testing import VirtualClock


def test_time_stands_still_until_it_is_moved() -> None:
    """Both of its times go on together, and by exactly so much."""
    clock = VirtualClock(datetime(2026, 1, 31, 23, tzinfo=UTC))
    assert (clock.now(), clock.monotonic()) == (clock.now(), 0)
    clock.advance(hours=1, seconds=0.5)
    assert clock.now() == datetime(2026, 2, 1, 0, 0, 0, 500_000, tzinfo=UTC)
    assert clock.monotonic() == 3600.5


def test_it_is_in_utc() -> None:
    """As clocks are; a time without a zone is no time."""
    noon = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert VirtualClock(noon).now().isoformat() == "2026-01-01T10:00:00+00:00"
    with pytest.raises(ValueError, match="has no zone"):
        VirtualClock(datetime(2026, 1, 1))  # noqa: DTZ001  # what is refused


def test_it_does_not_go_back() -> None:
    """A monotonic clock that did would be none."""
    with pytest.raises(ValueError, match="does not go back"):
        VirtualClock().advance(seconds=-1)
