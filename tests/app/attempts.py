"""The three events that tell of an attempt, for tests of lifecycles."""

from dataclasses import dataclass

from twofold import Event


@dataclass(frozen=True, kw_only=True)
class Attempted(Event):
    name: str


@dataclass(frozen=True, kw_only=True)
class Succeeded(Event):
    name: str
    result: str


@dataclass(frozen=True, kw_only=True)
class Failed(Event):
    name: str
    reason: str
