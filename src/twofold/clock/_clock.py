"""Time and identity. Everything that asks for the time or a new id takes these, never the standard library."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol, TypeAlias
from uuid import UUID

from twofold.clock._uuid import uuid7

IdSource: TypeAlias = Callable[[], UUID]
"""Gives a new id at each call; ids grow with time (UUIDv7, RFC 9562)."""


class Clock(Protocol):
    """The time, in two forms."""

    def now(self) -> datetime:
        """The wall clock, in UTC; it may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment; it never goes back."""
        ...


class SystemClock:
    """The clock of the machine."""

    __slots__ = ()

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds of the system's monotonic clock."""
        return time.monotonic()


new_id: IdSource = uuid7
"""A new UUIDv7: unique, and growing with time."""
