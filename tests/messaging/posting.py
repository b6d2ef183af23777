"""An application that publishes, and brokers that a test decides about."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from twofold import App, Event, Module
from twofold.messages import Context
from twofold.messaging import MessageRefused, NotConfirmed, Outcome, Outgoing


@dataclass(frozen=True, kw_only=True)
class Posted(Event):
    """An event that leaves."""

    number: int


@dataclass(frozen=True, kw_only=True)
class Paid(Event):
    """Another one."""


@dataclass(frozen=True, kw_only=True)
class Kept(Event):
    """One that stays."""


class ScriptedBroker:
    """Confirms what it is told to confirm, and notes what it was given, call by call.

    Args:
        outcome: What becomes of a message; None to confirm all.
    """

    def __init__(self, outcome: Callable[[Outgoing], Outcome] = lambda _: None) -> None:
        self.calls = list[list[Outgoing]]()
        self.outcome = outcome
        self.closed = 0

    async def publish(self, messages: Sequence[Outgoing]) -> Sequence[Outcome]:
        """Answer as it is told."""
        self.calls.append([*messages])
        return [self.outcome(one) for one in messages]

    async def close(self) -> None:
        """Count."""
        self.closed += 1

    @property
    def given(self) -> list[tuple[str, int]]:
        """The stream and version of everything that it was given, in order."""
        return [place_of(one) for call in self.calls for one in call]


def place_of(one: Outgoing) -> tuple[str, int]:
    """Where a message stands in its stream."""
    return one.stream, int(one.attributes["streamversion"])


def refused(one: Outgoing) -> MessageRefused:
    """The broker will never take it."""
    return MessageRefused(subject=one.subject, cause="too large")


def unconfirmed(one: Outgoing) -> NotConfirmed:
    """The broker has said nothing."""
    return NotConfirmed(subject=one.subject, cause="away")


def posting(**options: Any) -> Module:
    """A module that publishes two of its three events to `post`.

    Args:
        options: More of `publishes`.
    """
    module = Module("post")
    module.events(Kept)
    module.publishes(Posted, Paid, to="post", **options)
    return module


async def record(app: App, *streams: str) -> None:
    """One more event for each of these streams, in one transaction."""
    unit, numbers = app.new_unit(Context()), defaultdict[str, int](int)
    for stream in streams:
        numbers[stream] += 1
        unit.append(stream, Posted(number=numbers[stream]))
    await unit.commit()


def write(module: Module, name: str) -> None:
    """Have a module write what is posted elsewhere, too."""

    @module.writer(name)
    class Writer:
        async def posted(self, event: Posted) -> None: ...
