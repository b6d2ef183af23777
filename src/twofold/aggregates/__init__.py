"""Deciding: aggregates and deciders on their own streams, and decisions over whatever carries their tags."""

from twofold.aggregates._aggregate import Aggregate
from twofold.aggregates._boundary import Boundary
from twofold.aggregates._deciding import Deciding
from twofold.aggregates._decision import Decision, events_of
from twofold.aggregates._repository import Repository

__all__ = ["Aggregate", "Boundary", "Deciding", "Decision", "Repository", "events_of"]
