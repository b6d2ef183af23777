"""Where answers are kept: the protocols that a store of them, and whoever gives those out, has to keep to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

Key: TypeAlias = tuple[str | None, ...]
"""The whole of what an answer depends on, part by part; nothing is joined, so no two keys read the same."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer.

    Args:
        body: The answer as JSON.
        seen: The position up to which it has seen the log, at least.
        marks: The marks that its tags had before it was looked for.
    """

    body: bytes
    seen: int
    marks: tuple[str, ...] = ()


class Answers(Protocol):
    """One place where answers are kept. One that is away keeps nothing, and delays nobody for long."""

    async def look(
        self, key: Key, tags: Sequence[str], deadline: float | None = None
    ) -> tuple[Kept | None, tuple[str, ...]]:
        """What is kept under a key, unless its time is over or one of its tags was dropped since.

        Args:
            key: The key.
            tags: The tags of the query.
            deadline: The moment of the monotonic clock until which it is worth waiting.

        Returns:
            The answer or None, and the marks of the tags as they are now, for an answer that is made from here on.
        """
        ...

    async def keep(self, key: Key, kept: Kept, ttl: float, deadline: float | None = None) -> None:
        """Keep an answer for so many seconds, or until its place is needed.

        Args:
            key: The key.
            kept: The answer.
            ttl: For how many seconds.
            deadline: The moment of the monotonic clock until which it is worth waiting; later it is not kept.
        """
        ...

    async def drop(self, *tags: str) -> None:
        """Give no answer any more that has one of these tags, and was looked for before now.

        Raises:
            StoreUnavailable: The place is away, and may give them still.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Caches(Protocol):
    """Where answers of queries are kept; handlers may ask for it, and a test puts its own in its place.

    Example:
        >>> async def reprice(command: Reprice, caches: Caches) -> None:
        ...     await caches.drop("prices")
    """

    def of(self, store: str) -> Answers:
        """The place that a store's address means."""
        ...

    async def drop(self, *tags: str) -> None:
        """Give no answer any more that has one of these tags, and was looked for before now.

        What is kept in memory is dropped in this process alone.

        Raises:
            StoreUnavailable: A store is away, and may give them still.
        """
        ...
