"""Deciding: aggregates and deciders on their own streams, and decisions over whatever carries their tags."""

from twofold.aggregates._aggregate import Aggregate
from twofold.aggregates._as_of import AsOf, NotThePresent
from twofold.aggregates._boundary import Boundary
from twofold.aggregates._deciding import Deciding
from twofold.aggregates._decision import Decision, events_of
from twofold.aggregates._entities import EntityRepository, EntityRows
from twofold.aggregates._entity import Entity
from twofold.aggregates._evolving import methods_of
from twofold.aggregates._history import History, facts_of
from twofold.aggregates._repository import Repository
from twofold.aggregates._snapshots import Loaded, SnapshotPolicy, after_event, every, slower_than
from twofold.aggregates._state import state_codec

__all__ = [
    "Aggregate",
    "AsOf",
    "Boundary",
    "Deciding",
    "Decision",
    "Entity",
    "EntityRepository",
    "EntityRows",
    "History",
    "Loaded",
    "NotThePresent",
    "Repository",
    "SnapshotPolicy",
    "after_event",
    "every",
    "events_of",
    "facts_of",
    "methods_of",
    "slower_than",
    "state_codec",
]
