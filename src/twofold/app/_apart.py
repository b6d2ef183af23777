"""Faults of an application whose read models are in a database of their own: what needs both in one transaction."""

from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import get_origin

from twofold.app._stores import Stores
from twofold.dispatch import Handler, Injection
from twofold.errors import Fault
from twofold.messages import Kind
from twofold.projections import Live, Projection
from twofold.store import Store


def apart_faults(
    handlers: Iterable[Handler],
    injection: Injection,
    projections: Iterable[Projection],
    stores: Stores,
    sql: ModuleType | None,
) -> Iterator[Fault]:
    """What cannot work with a read database, or in a process that opens nothing else.

    Args:
        handlers: The handlers.
        injection: Knows what depends on what.
        projections: The projections of the application.
        stores: Where it keeps what it has.
        sql: The room of SQL, when there is one.
    """
    if not stores.apart:
        return
    for projection in projections:
        if projection.mode == "inline":
            text = "is inline, and no transaction of a command reaches the read database"
            hint = "choose mode='async', or leave the read database out"
            yield Fault(where=f"projection {projection.name}", code="inline_apart", text=text, hint=hint)
    for handler in handlers:
        if sql is not None and all(injection.reaches(handler, session) for session in sql.BLOCKING):
            text = "is a def and depends on sessions of two databases, and runs in a thread of one"
            hint = "ask for one of them, or make it async def"
            yield Fault(where=handler.id, code="two_databases", text=text, hint=hint)
        if stores.logless and handler.kind is Kind.QUERY and _reads_log(handler, injection):
            text = "reads the log, and a query service with a read database does not open it"
            hint = "read a projection with mode='async', or serve it with the role all"
            yield Fault(where=handler.id, code="no_log", text=text, hint=hint)


def _reads_log(handler: Handler, injection: Injection) -> bool:
    return any(hint is Store or get_origin(hint) is Live for hint in injection.reached(handler))
