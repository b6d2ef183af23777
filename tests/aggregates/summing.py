"""A decider of sums, whose state may have snapshots."""

from dataclasses import dataclass
from typing import Any

from twofold import Command, Event, Module, Outcome
from twofold.aggregates import SnapshotPolicy


@dataclass(frozen=True, kw_only=True)
class Add(Command[int]):
    """Add to a sum."""

    number: int
    to: str = "a"


@dataclass(frozen=True, kw_only=True)
class Added(Event):
    """A number was added."""

    number: int


folds = list[int]()


def decide(command: Add, total: int) -> Outcome[Added]:
    return [Added(number=command.number)]


def evolve(total: int, event: Added) -> int:
    folds.append(event.number)
    return total + event.number


class Opaque:
    """It has no form in JSON."""


def opaque(total: Any, event: Added) -> Opaque:
    return Opaque()


def summing(snapshots: SnapshotPolicy | None, evolve: Any = evolve, version: int = 1) -> Module:
    """A decider with such snapshots."""
    module = Module("sums")
    module.decider(
        initial=int,
        decide=decide,
        evolve=evolve,
        stream="sum-{to}",
        answer=lambda total: total,
        snapshots=snapshots,
        snapshot_version=version,
    )
    module.events(Added)
    return module
