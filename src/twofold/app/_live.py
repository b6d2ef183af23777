"""Faults in live projections: what is read live and is not, and tables whose rows only a database can make."""

from collections.abc import Iterable, Iterator, Sequence
from types import ModuleType
from typing import Any, get_args, get_origin

from twofold.dispatch import Handler, Injection
from twofold.errors import Fault, WiringError
from twofold.projections import Live, Projection


def live_faults(
    handlers: Iterable[Handler], injection: Injection, projections: Sequence[Projection], sql: ModuleType | None
) -> Iterator[Fault]:
    """What is wrong with the live projections of an application, and with handlers that read them.

    Args:
        handlers: The handlers.
        injection: Knows what depends on what.
        projections: All projections.
        sql: The room of SQL, when there is one.
    """
    for handler in handlers:
        for hint in dict.fromkeys(injection.reached(handler)):
            if get_origin(hint) is Live:
                yield from _unread(handler, get_args(hint)[0], projections)
    if sql is not None:
        for projection in projections:
            if projection.mode == "live":
                yield from _unmade(projection, sql)


def _unmade(projection: Projection, sql: ModuleType) -> Iterator[Fault]:
    for table in projection.tables:
        try:
            columns = list(sql.unmade_columns(table))
        except WiringError:
            continue  # told with all other tables that cannot be used
        for column in columns:
            text = f"fills {column}, whose value is made by the database, and a live projection has none"
            hint = "give the column a default that Python makes, or choose another mode"
            yield Fault(where=f"projection {projection.name}", code="live_default", text=text, hint=hint)


def _unread(handler: Handler, cls: Any, projections: Iterable[Projection]) -> Iterator[Fault]:
    modes = [projection.mode for projection in projections if projection.cls is cls]
    if "live" not in modes:
        name = getattr(cls, "__qualname__", str(cls))
        known = f"is {modes[0]}" if modes else "is no projection of this application"
        text = f"reads {name} live, and it {known}"
        hint = "ask for a ReadSession, or declare it with mode='live'" if modes else "declare it with mode='live'"
        yield Fault(where=handler.id, code="not_live", text=text, hint=hint)
