"""The embedded default: the store in one SQLite file, with nothing to install and nothing to start."""

from twofold.drivers.sqlite._open import Durability
from twofold.drivers.sqlite._store import SqliteStore

__all__ = ["Durability", "SqliteStore"]
