"""Answers of queries that are kept for a while: what may be said of it, and where they are kept.

None of it knows of a pipeline: the stage that uses it stands above. An answer is kept as bytes with the position of the
log that it has seen, so whoever finds it can tell whether it is new enough, whoever has put it there.
"""

from twofold.cache._answers import Answers, Caches, Kept, Key
from twofold.cache._caches import StoredCaches
from twofold.cache._recency import Recency
from twofold.cache._settings import Cache

__all__ = ["Answers", "Cache", "Caches", "Kept", "Key", "Recency", "StoredCaches"]
