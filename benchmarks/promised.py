"""What a command promises, kept by hand out of twofold's own parts: the floor under which a pipeline cannot come."""

import time
from datetime import timedelta
from typing import Generic, TypeVar, final

from benchmarks.work import HEADERS
from twofold.clock import new_id
from twofold.messages import Context, MessageType, Origin, redacting
from twofold.store import SUCCESS, Append, AuditEntry, Batch, Draft

C = TypeVar("C")
E = TypeVar("E")

_ORIGIN = Origin(user_id=HEADERS["user_id"])


@final
class Promised(Generic[C, E]):
    """A type of command that records one event.

    Args:
        command: The command.
        event: The event.
    """

    def __init__(self, command: type[C], event: type[E]) -> None:
        self._command = MessageType(command)
        self.event = MessageType(event)
        self._redacted = redacting(self._command)

    def checked(self, command: C) -> tuple[C, float]:
        """The command as a handler would be given it, and when that was."""
        return self._command.check(command), time.perf_counter()

    def batch(self, command: C, event: E, stream: str, expected: int, began: float) -> Batch:
        """What it writes: an event that is proved to be readable, and an entry without secrets."""
        kind, context = self._command, Context(_ORIGIN)
        data, version = self.event.record(event), self.event.wire.version
        draft = Draft(new_id(), self.event.name, version, data, context.headers(), context.clock.now(), ())
        entry = AuditEntry(
            message=kind.name,
            version=kind.wire.version,
            message_id=context.message_id,
            correlation_id=context.correlation_id,
            causation_id=context.causation_id,
            user_id=context.user_id,
            tenant=context.tenant,
            payload=self._redacted(command),
            time=context.time,
            duration=timedelta(seconds=time.perf_counter() - began),
            outcome=SUCCESS,
        )
        return Batch((Append(stream, (draft,), expected),), audit=(entry,))
