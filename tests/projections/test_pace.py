"""The pace of a rebuild: what is done, how fast, and how long it takes while the log goes on growing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twofold.projections import Pace


def test_the_time_left_counts_what_arrives_meanwhile() -> None:
    """At 100 a second against 50 that arrive, 500 that are left take ten seconds and not five."""
    pace = Pace(0, 1000, now=0.0)
    pace.note(1000, 1500, now=10.0)
    assert (pace.rate, pace.arriving, pace.left) == (100.0, 50.0, 500)
    assert pace.seconds_left == pytest.approx(10.0)


def test_what_is_done_is_measured_by_the_bound_at_the_start() -> None:
    """A log that grows does not make the bar go back."""
    pace = Pace(0, 1000, now=0.0)
    pace.note(500, 10_000, now=1.0)
    assert pace.fraction == 0.5
    pace.note(1200, 20_000, now=2.0)
    assert pace.fraction == 1.0


def test_a_rate_is_that_of_the_last_seconds() -> None:
    """A slow start is forgotten once the window has passed."""
    pace = Pace(0, 100_000, now=0.0, window=10.0)
    for second in range(1, 101):
        pace.note(second if second <= 50 else 50 + 1000 * (second - 50), 100_000, now=float(second))
    assert pace.rate == pytest.approx(1000.0)


def test_no_estimate_is_better_than_a_wrong_one() -> None:
    """Nothing is promised at the start, while nothing moves, and while the log grows as fast."""
    pace = Pace(0, 1000, now=5.0)
    assert pace.seconds_left is None
    pace.note(0, 1000, now=6.0)
    assert pace.seconds_left is None
    pace.note(50, 1050, now=7.0)
    assert pace.seconds_left is None


def test_what_is_done_needs_no_time() -> None:
    """Also when there was nothing to do."""
    assert (Pace(0, 0, now=0.0).fraction, Pace(0, 0, now=0.0).seconds_left) == (1.0, 0.0)


@given(st.integers(1, 10_000), st.integers(0, 9_999), st.integers(1, 100_000))
def test_at_a_steady_pace_the_estimate_comes_true(speed: int, growth: int, size: int) -> None:
    """Whatever the rates, the time that is promised after a second is the time that it takes."""
    growth %= speed
    pace = Pace(0, size, now=0.0)
    pace.note(speed, size + growth, now=1.0)
    left = pace.seconds_left
    assert left is not None
    assert pace.left == 0 or speed * (1 + left) == pytest.approx(size + growth * (1 + left))
