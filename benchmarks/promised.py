"""What a command promises, kept by hand out of twofold's own parts: the floor that no pipeline comes under.

A bus that gives each message a context and each answer as a result, a check, and a scope of dishka from which the
handler has what it writes with: an event that is proved to be readable, and an entry of the audit trail without
secrets. There is no setting, no transaction that could be rolled back, and nothing that is retried.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Generic, TypeAlias, TypeVar, final

from dishka import Provider, Scope, make_async_container

from benchmarks.dispatch_by_hand import bus
from benchmarks.renaming import Call
from benchmarks.work import HEADERS
from twofold.clock import new_id
from twofold.messages import Context, MessageType, Origin, redacting
from twofold.store import SUCCESS, Append, AuditEntry, Batch, Draft

C = TypeVar("C")
E = TypeVar("E")

_ORIGIN = Origin(user_id=HEADERS["user_id"])


@final
class Writes(Generic[C, E]):
    """What one command writes with.

    Args:
        command: Its type.
        event: The type of the event that it records.
        redacted: Gives it as JSON without its secrets.
    """

    __slots__ = ("_began", "_command", "_context", "_redacted", "event")

    def __init__(self, command: MessageType[C], event: MessageType[E], redacted: Callable[[C], str]) -> None:
        self._command, self.event, self._redacted = command, event, redacted
        self._context = Context(_ORIGIN)
        self._began = time.perf_counter()

    def batch(self, command: C, event: E, stream: str, expected: int) -> Batch:
        """All that it writes."""
        kind, context = self._command, self._context
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
            duration=timedelta(seconds=time.perf_counter() - self._began),
            outcome=SUCCESS,
        )
        return Batch((Append(stream, (draft,), expected),), audit=(entry,))


Handle: TypeAlias = Callable[[C, Writes[C, E]], Awaitable[None]]


def promised(command: type[C], event: type[E], handle: Handle[C, E]) -> Call:
    """A bus for one command.

    Args:
        command: Its type.
        event: The type of the event that it records.
        handle: Handles it; a function of it and of what it writes with.
    """
    kind = MessageType(command)
    facts = kind, MessageType(event), redacting(kind)
    check, provider, wanted = kind.check, Provider(), Writes[Any, Any]
    provider.provide(lambda: Writes(*facts), provides=wanted, scope=Scope.REQUEST)
    container = make_async_container(provider)

    async def handled(message: C) -> None:
        checked = check(message)
        async with container() as scope:
            await handle(checked, scope.get_sync(wanted))

    return bus({command: handled})
