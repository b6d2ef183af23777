"""Times as SQLite keeps them: whole microseconds since 1970, UTC."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def micros_of(time: datetime) -> int:
    """A time as it is kept."""
    return (time - _EPOCH) // MICROSECOND


def time_of(micros: int) -> datetime:
    """The time that was kept."""
    return _EPOCH + micros * MICROSECOND
