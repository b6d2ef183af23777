"""What takes part in a unit of work: aggregates, whose events it writes, and a session in its transaction."""

from collections.abc import Sequence
from typing import Protocol


class EventSource(Protocol):
    """Something that collects events until the unit of work commits; an aggregate's repository, say."""

    def drain(self) -> tuple[str, int, Sequence[object]] | None:
        """Its stream, the version that was loaded, and its new events; None when there are none."""
        ...

    def mark(self) -> object:
        """Its state now, for `revert`."""
        ...

    def revert(self, mark: object) -> None:
        """Go back to a state that `mark` gave."""
        ...


class Participant(Protocol):
    """A session that writes in the unit's transaction."""

    async def flush(self) -> None:
        """Send what is pending, before the unit commits."""
        ...

    async def savepoint(self) -> None:
        """Begin a part that can be undone alone."""
        ...

    async def release(self) -> None:
        """Keep the innermost part."""
        ...

    async def undo(self) -> None:
        """Undo the innermost part."""
        ...

    async def close(self) -> None:
        """Let go of everything; the unit has ended."""
        ...
