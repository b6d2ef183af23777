"""What a command leaves in the audit trail, from its first stage to the commit that carries it.

The outermost command of a task has a `Trace`, which the unit of work takes along: whatever is in it commits with the
unit. Commands that handlers send are noted in the same one. What no commit has carried is written afterwards, by the
stage.
"""

import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final, NamedTuple, final

from twofold.clock import MICROSECOND
from twofold.messages import Context
from twofold.store._audit import REPLAYED, SUCCESS, UNDONE, AuditEntry


class About(NamedTuple):
    """What entries of one type of command have in common.

    Args:
        message: Its wire name.
        version: The version of its schema.
        redacted: Gives a command as JSON without its secrets.
    """

    message: str
    version: int
    redacted: Callable[[Any], str]


@final
class Record:
    """A command that is being handled.

    Args:
        about: What it is.
        message: The command.
        context: Its metadata.
    """

    __slots__ = ("_about", "_context", "_ended", "_message", "_started", "_time", "code", "kept", "outcome", "replayed")

    def __init__(self, about: About, message: Any, context: Context) -> None:
        self._about = about
        self._message = message
        self._context = context
        self._time = context.time  # which is when somebody first asks for it
        self._started = time.perf_counter_ns()
        self._ended = 0
        self.outcome = ""
        self.code = ""
        self.kept = False
        """Whether the trace of an outer command has it."""
        self.replayed = False
        """Whether its answer is that of an earlier command with its key."""

    def end(self, outcome: str, code: str = "") -> None:
        """Say how it ended."""
        self.outcome = REPLAYED if self.replayed and outcome == SUCCESS else outcome
        self.code = code
        self._ended = time.perf_counter_ns()

    def entry(self) -> AuditEntry:
        """What it leaves."""
        about, context = self._about, self._context
        return AuditEntry(  # by position, which takes half the time
            about.message,
            about.version,
            context.message_id,
            context.correlation_id,
            context.causation_id,
            context.user_id,
            context.tenant,
            about.redacted(self._message),
            self._time,
            (self._ended - self._started) // 1000 * MICROSECOND,
            self.outcome,
            self.code,
            0,  # the position, which the store knows
            1,  # the count
            context.origin.source,
        )


@final
class Trace:
    """What a message leaves, with all commands that are sent while it is handled.

    Args:
        own: The message; None when it is no command.
        beside: Entries of commands that nobody handles any more.
    """

    __slots__ = ("_beside", "_inner", "own", "written")

    def __init__(self, own: Record | None, *beside: AuditEntry) -> None:
        self.own = own
        self._beside = beside
        self.written = False
        """Whether a commit has carried it."""
        self._inner: list[Record] = []

    def __len__(self) -> int:
        return len(self._inner)

    def keep(self, record: Record) -> None:
        """Note a command that was sent inside, and has ended; a second time changes nothing."""
        if not record.kept:
            record.kept = True
            self._inner.append(record)

    def undo(self, since: int = 0) -> None:
        """Say that inner commands have come to nothing: those noted since there were so many."""
        for record in self._inner[since:]:
            if record.outcome == SUCCESS:
                record.outcome = UNDONE

    def committing(self) -> tuple[AuditEntry, ...]:
        """What goes with a commit, if the message has succeeded by then."""
        if self.own is not None:
            self.own.end(SUCCESS)
        return self.entries()

    def entries(self) -> tuple[AuditEntry, ...]:
        """The entries, those of inner commands first."""
        own = () if self.own is None else (self.own.entry(),)
        return (*self._beside, *map(Record.entry, self._inner), *own)


tracing: Final[ContextVar[Trace | None]] = ContextVar("twofold_audit", default=None)
"""The trace of the message that this task is on its way to handle."""
