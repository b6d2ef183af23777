"""Deciding: aggregates that are rebuilt from their events, and the repository that loads and saves them."""

from twofold.aggregates._aggregate import Aggregate
from twofold.aggregates._repository import Repository

__all__ = ["Aggregate", "Repository"]
