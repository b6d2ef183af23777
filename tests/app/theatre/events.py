"""What happens in the theatre."""

from dataclasses import dataclass

from twofold import Event


@dataclass(frozen=True, kw_only=True)
class Planned(Event):
    """By a function."""

    show: str


@dataclass(frozen=True, kw_only=True)
class Announced(Event):
    """By a function that it calls."""

    show: str


@dataclass(frozen=True, kw_only=True)
class Opened(Event):
    """By an aggregate."""


@dataclass(frozen=True, kw_only=True)
class Burnt(Event):
    """Only applied by the aggregate."""


@dataclass(frozen=True, kw_only=True)
class Cleaned(Event):
    """By a class that a handler is given."""


@dataclass(frozen=True, kw_only=True)
class Forgotten(Event):
    """By nobody."""
