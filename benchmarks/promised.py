"""What a command promises, kept by hand out of twofold's own parts: the floor that no pipeline comes under.

A bus that gives each message a context and each answer as a result, a check, and what the handler writes with, from a
scope of dishka where there has to be one: an event that is proved to be readable, and an entry of the audit trail
without secrets. There is no setting, no transaction that could be rolled back, and nothing that is retried.
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
class Writes(Generic[C]):
    """What one command writes with.

    Args:
        command: Its type.
        redacted: Gives it as JSON without its secrets.
    """

    __slots__ = ("_began", "_command", "_context", "_redacted")

    def __init__(self, command: MessageType[C], redacted: Callable[[C], str]) -> None:
        self._command, self._redacted = command, redacted
        self._context = Context(_ORIGIN)
        self._began = time.perf_counter()

    def append(self, kind: MessageType[E], event: E, stream: str, expected: int) -> Append:
        """An event, at a version of its stream."""
        data, context = kind.record(event), self._context
        draft = Draft(new_id(), kind.name, kind.wire.version, data, context.headers(), context.clock.now(), ())
        return Append(stream, (draft,), expected)

    def batch(self, command: C, *appends: Append) -> Batch:
        """All that it writes: with it an entry in the audit trail."""
        kind, context = self._command, self._context
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
        return Batch(appends, audit=(entry,))


Handle: TypeAlias = Callable[[C, Writes[C]], Awaitable[Any]]


def promised(command: type[C], handle: Handle[C], *, scoped: bool = True) -> Call:
    """A bus for one command.

    Args:
        command: Its type.
        handle: Handles it; a function of it and of what it writes with.
        scoped: Whether that comes from a scope, as what is kept for a message, or closed after it, has to.
    """
    kind = MessageType(command)
    facts = kind, redacting(kind)
    check, provider, wanted = kind.check, Provider(), Writes[Any]
    provider.provide(lambda: Writes(*facts), provides=wanted, scope=Scope.REQUEST)
    container = make_async_container(provider)

    async def handled(message: C) -> Any:
        checked = check(message)
        async with container() as scope:
            return await handle(checked, scope.get_sync(wanted))

    async def handled_without(message: C) -> Any:
        return await handle(check(message), Writes(*facts))

    return bus({command: handled if scoped else handled_without})
