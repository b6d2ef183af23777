"""Closing a stream for good: its events leave the log by the one way that the database leaves open.

What is left is that it was closed, and at which version: nobody appends to it again, so no version is used twice. The
positions of its events become holes, which readers of the log pass without noticing.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol, TypeAlias, runtime_checkable
from uuid import UUID

from twofold.errors import Invalid
from twofold.store._audit import AuditEntry, canonical

How: TypeAlias = Literal["archived", "tombstoned"]
"""Whether the events of a closed stream were kept elsewhere."""

CLOSED: Final = "twofold.stream_closed"
"""What entries of the audit trail are called that tell of a closing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """The end of a stream.

    Args:
        stream: Its name.
        version: The version that it ends at: as many events are taken away.
        how: Whether they were kept elsewhere.
        time: When it was closed, in UTC.

    Raises:
        Invalid: There is nothing to close: a stream without an event is no stream.
    """

    stream: str
    version: int
    how: How
    time: datetime

    def __post_init__(self) -> None:
        if self.version < 1:
            raise Invalid(f"stream {self.stream!r} has no events, so it cannot be closed")

    def entry_of(self, user_id: str | None, message_id: UUID, digest: str = "") -> AuditEntry:
        """The entry that tells of it, which is written with it.

        Args:
            user_id: Who has asked for it.
            message_id: The id of the entry.
            digest: The SHA-256 of what was kept elsewhere, in hexadecimal digits.
        """
        facts = {"stream": self.stream, "version": self.version, "how": self.how, "sha256": digest}
        payload = canonical({name: fact for name, fact in facts.items() if fact})
        return AuditEntry.of_deed(CLOSED, payload, user_id=user_id, message_id=message_id, time=self.time)


@runtime_checkable
class ClosableStore(Protocol):
    """A store whose streams can be closed: an ability that not every store has."""

    async def close_stream(self, closing: Closing, entry: AuditEntry) -> None:
        """Take a stream's events away for good, and add the entry that tells of it: all at once.

        With the events go their tags, the snapshot of the stream, and what subscriptions in this store have put aside
        of it.

        Args:
            closing: What is closed, and how.
            entry: The entry for the audit trail.

        Raises:
            VersionConflict: The stream is not at that version; nothing was changed.
            StreamClosed: It was closed before.
            StoreUnavailable: The store is closed or refuses writes, or its role may not do that; nothing was changed.
        """
        ...

    async def find_closing(self, stream: str) -> Closing | None:
        """How a stream was closed; None for one that was not."""
        ...
