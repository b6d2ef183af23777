"""Times as they are kept: no microsecond is lost, and it does not count in which zone a time was told."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import example, given
from hypothesis import strategies as st

from twofold.clock import micros_of, time_of

zones = st.builds(timezone, st.timedeltas(timedelta(hours=-23), timedelta(hours=23)))
times = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=zones)  # noqa: DTZ001  # the zone comes beside


@given(times)
@example(datetime(2199, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))
def test_a_time_comes_back_as_it_was(time: datetime) -> None:
    """To the microsecond, also before 1970 and where a float is too coarse; in UTC, whatever it was told in."""
    found = time_of(micros_of(time))
    assert found == time
    assert found.tzinfo is UTC


def test_a_time_is_kept_as_microseconds_since_1970() -> None:
    """What is in files that are there already is read the same."""
    assert micros_of(datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=1)))) == 3_600_000_000
    assert time_of(-1) == datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
