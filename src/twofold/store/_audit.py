"""The audit trail: an entry for every command, sealed afterwards in blocks that are chained by their hashes.

Entries are written by batches, with what their command commits; blocks, and cuts of the chain, are beside this file.
Nothing changes an entry.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from pydantic_core import PydanticSerializationError, to_json

from twofold.clock import MICROSECOND, micros_of
from twofold.errors import Category
from twofold.store._attempt import INTERRUPTED

SUCCESS: Final = "success"
"""The outcome of a command that has committed."""

CRASHED: Final = "crashed"
"""The outcome of a command whose handler raised what nobody has classified."""

UNDONE: Final = "undone"
"""The outcome of a command that was answered inside another one, which took it back with all else."""

REPLAYED: Final = "replayed"
"""The outcome of a command that was answered by its key, with what an earlier one had come to: nothing was done."""

OUTCOMES: Final = (SUCCESS, *map(str, Category), CRASHED, "cancelled", UNDONE, REPLAYED, INTERRUPTED)
"""Everything that an entry may have for its outcome."""


class AuditEntry(NamedTuple):
    """What is known of one command that was sent, or of several that were refused alike.

    Args:
        message: Its wire name.
        version: The version of its schema.
        message_id: Its id.
        correlation_id: Joins everything that one request caused.
        causation_id: The id of the message that caused it; None for the first.
        user_id: Who sent it.
        tenant: The tenant they acted for.
        source: The door that it came through: `http`, `shell`, or `events` for what a reaction has sent; None for code.
        payload: The command as JSON, without its secrets; `null` for one that is not as its type says.
        time: When it was sent, in UTC.
        duration: How long it took up to its commit, or to its end without one; to the microsecond.
        outcome: `success`, the category of its error, `crashed`, `cancelled`, `undone`, `replayed`, or
            `interrupted`.
        code: The code of its error; empty when there was none.
        position: The position in the log up to which it, or what it was a part of, has appended; 0 for nothing.
        count: How many commands it tells of, the first sent at `time` and the last `duration` later: more than one only
            for refusals by a limit, which are counted. Their payload is `null`.
        number: Its place in the trail; the store gives it.
    """

    message: str
    version: int
    message_id: UUID
    correlation_id: str
    causation_id: str | None
    user_id: str | None
    tenant: str | None
    payload: str
    time: datetime
    duration: timedelta
    outcome: str
    code: str = ""
    position: int = 0
    count: int = 1  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleMethodOverride]  # a fact, not the method of tuples
    source: str | None = None
    number: int = 0

    @classmethod
    def of_deed(cls, deed: str, payload: str, *, user_id: str | None, message_id: UUID, time: datetime) -> "AuditEntry":
        """What tells of something that was done to the store itself: no message caused it, and no tenant asked.

        Args:
            deed: What was done, as entries call it.
            payload: To what, as JSON.
            user_id: Who has asked for it; None for the application itself.
            message_id: The id of the entry.
            time: When it was done, in UTC.
        """
        return cls(
            message=deed,
            version=1,
            message_id=message_id,
            correlation_id=str(message_id),
            causation_id=None,
            user_id=user_id,
            tenant=None,
            payload=payload,
            time=time,
            duration=timedelta(),
            outcome=SUCCESS,
        )

    @property
    def canonical(self) -> str:
        """Everything that it says, its number included, as the text that is sealed."""
        return sealed_text(
            self.number,
            self.message,
            self.version,
            str(self.message_id),
            self.correlation_id,
            self.causation_id,
            self.user_id,
            self.tenant,
            self.payload,
            micros_of(self.time),
            self.duration // MICROSECOND,
            self.outcome,
            self.code,
            self.position,
            count=self.count,
            source=self.source,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSearch:
    """Which entries are meant; None is for any.

    Args:
        message: The wire name of the command.
        message_id: The id of the command.
        correlation_id: What it was a part of.
        user_id: Who sent it.
        tenant: For which tenant.
        outcome: How it ended.
        since: Sent at this time or later.
        until: Sent before this time.
    """

    message: str | None = None
    message_id: UUID | None = None
    correlation_id: str | None = None
    user_id: str | None = None
    tenant: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def __contains__(self, entry: AuditEntry) -> bool:
        wanted = ((name, getattr(self, name)) for name in _EQUAL)
        return (
            all(value is None or value == getattr(entry, name) for name, value in wanted)
            and (self.since is None or self.since <= entry.time)
            and (self.until is None or entry.time < self.until)
        )


canonical: Final = json.JSONEncoder(separators=(",", ":")).encode
"""Facts as the one text that stands for them when they are sealed: JSON without blanks, in ASCII."""


def sealed_text(*facts: str | int | None, count: int, source: str | None) -> str:
    """Everything that an entry says as the text that is sealed, for stores that give it without making the entry.

    Args:
        facts: Its number, message, version, message id as text, correlation id, causation id, user id, tenant, payload,
            time and duration in microseconds, outcome, code, and position.
        count: How many commands it tells of.
        source: The door that they came through.
    """
    said = facts if count == 1 and source is None else (*facts, count)
    if source is not None:
        said = (*said, source)
    try:
        text = to_json(said).decode()
    except PydanticSerializationError:  # half of a surrogate pair, which ASCII can tell
        return canonical(said)
    # The same in a third of the time, but for what is not ASCII, and the one control character that JSON lets through.
    return text if _ALIKE and text.isascii() and "\x7f" not in text else canonical(said)


_PROBE: Final = "".join(map(chr, range(0x7F))), 2**70, -1, None
_ALIKE: Final = to_json(_PROBE).decode() == canonical(_PROBE)
"""Whether this pydantic escapes as the standard library does: what is sealed has the same bytes for ever."""

_EQUAL: Final = ("message", "message_id", "correlation_id", "user_id", "tenant", "outcome")
