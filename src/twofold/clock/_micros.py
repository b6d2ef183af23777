"""Times as they are kept and sealed: whole microseconds since 1970, UTC."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
"""What a duration is divided by to be kept."""


def micros_of(time: datetime) -> int:
    """A time as it is kept."""
    return (time - _EPOCH) // MICROSECOND


def time_of(micros: int) -> datetime:
    """The time that was kept."""
    return _EPOCH + micros * MICROSECOND
