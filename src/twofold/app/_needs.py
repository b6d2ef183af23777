"""Faults in dependencies that no container can see: queries that could write, sync and async mixed up."""

from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any, Final

from twofold.dispatch import CommandBus, Dispatcher, EventBus, Handler, Injection, QueryBus
from twofold.errors import Fault
from twofold.messages import Kind
from twofold.store import UnitOfWork

_BUSES: Final = (CommandBus, QueryBus, EventBus, Dispatcher)


def need_faults(handlers: Sequence[Handler], injection: Injection, sql: ModuleType | None) -> list[Fault]:
    """What is wrong with the dependencies of handlers, though all of them can be met.

    Args:
        handlers: The handlers.
        injection: Knows what depends on what.
        sql: The room of SQL, when there is one.
    """
    hint = "ask for a ReadSession, or make it a command"
    return _faults(handlers, injection, sql, code="writing_query", role="handles a query", hint=hint)


def policy_faults(policies: Sequence[Handler], injection: Injection, sql: ModuleType | None) -> list[Fault]:
    """The same for policies, which decide before anything is done and so only read.

    Args:
        policies: The policies, as handlers.
        injection: Knows what depends on what.
        sql: The room of SQL, when there is one.
    """
    hint = "ask for a ReadSession; what is decided in the command's own transaction is the handler's `validate`"
    faults = _faults(policies, injection, sql, code="writing_policy", role="is a policy", hint=hint)
    return list(dict.fromkeys(faults))


def _faults(
    handlers: Sequence[Handler], injection: Injection, sql: ModuleType | None, *, code: str, role: str, hint: str
) -> list[Fault]:
    writing: list[Any] = [CommandBus, EventBus, Dispatcher]
    awaited: list[Any] = []
    blocking: list[Any] = []
    if sql is not None:
        writing, awaited, blocking = [*sql.WRITING, *writing], [*sql.AWAITED], [*sql.BLOCKING]
    faults: list[Fault] = []
    for handler in handlers:
        if handler.kind is Kind.QUERY:
            wanted = _reached(handler, [*writing, UnitOfWork], injection)
            if wanted is not None:
                text = f"{role} and depends on {wanted.__qualname__}, which can write"
                faults.append(Fault(where=handler.id, code=code, text=text, hint=hint))
        wanted = _reached(handler, blocking if handler.is_async else awaited, injection)
        if wanted is not None:
            name = wanted.__qualname__
            if handler.is_async:
                text, mend = f"is async def and depends on {name}, which would block the event loop", "make it a def"
            else:
                text, mend = f"is a def and depends on {name}, which has to be awaited", "make it async def"
            faults.append(Fault(where=handler.id, code="async_mistake", text=text, hint=mend))
        session = None if handler.is_async else _reached(handler, blocking, injection)
        bus = next((one for one in handler.needs.values() if one in _BUSES), None)
        if session is not None and bus is not None:
            text = f"is a def with a {session.__qualname__} and depends on {bus.__qualname__}, which it cannot wait for"
            mend = "make it an async def with an AsyncSession or a ReadSession; events are recorded by the UnitOfWork"
            faults.append(Fault(where=handler.id, code="async_mistake", text=text, hint=mend))
    return faults


def _reached(handler: Handler, wanted: Iterable[Any], injection: Injection) -> Any:
    return next((one for one in wanted if injection.reaches(handler, one)), None)
