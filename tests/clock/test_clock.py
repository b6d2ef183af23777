"""Time and identity."""

from datetime import UTC

from twofold.clock import Clock, SystemClock, new_id


def test_the_wall_clock_is_in_utc() -> None:
    """A naive time would be read as local by somebody."""
    clock: Clock = SystemClock()
    assert clock.now().tzinfo is UTC


def test_the_monotonic_clock_never_goes_back() -> None:
    """Deadlines are counted with it."""
    clock = SystemClock()
    readings = [clock.monotonic() for _ in range(100)]
    assert readings == sorted(readings)


def test_ids_are_unique_and_grow() -> None:
    """They are UUIDv7, so that they sort by the time they were made at, in this process at least."""
    ids = [new_id() for _ in range(1000)]
    assert ids == sorted(set(ids))
    assert {one.version for one in ids} == {7}
