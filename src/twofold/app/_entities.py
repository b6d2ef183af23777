"""Faults in what queries answer: write models, which would leave the unit of work or session that they live in."""

import typing
from collections.abc import Iterable, Iterator
from dataclasses import is_dataclass
from types import ModuleType
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from twofold.aggregates import Aggregate
from twofold.dispatch import Handler, annotated_answer, promised_answer
from twofold.errors import Fault
from twofold.messages import Kind


def entity_faults(handlers: Iterable[Handler], sql: ModuleType | None) -> list[Fault]:
    """Query handlers whose answer holds an aggregate or a class that is mapped to a table.

    Args:
        handlers: The handlers.
        sql: The room of SQL, when there is one; without it, nothing is mapped.
    """
    return [
        Fault(
            where=handler.id,
            code="answers_entity",
            text=f"handles a query and answers {kind.__qualname__}, which is {what}",
            hint="answer a dataclass or model of its own, made of what clients may see",
        )
        for handler in handlers
        if handler.kind is Kind.QUERY
        for kind, what in _entities(handler, sql)
    ]


def _entities(handler: Handler, sql: ModuleType | None) -> Iterator[tuple[type, str]]:
    classes: dict[type, None] = {}
    for answer in (annotated_answer(handler), promised_answer(handler.message_type)):
        _collect(answer, classes)
    for kind in classes:
        if issubclass(kind, Aggregate):
            yield kind, "an aggregate"
        elif sql is not None and sql.is_mapped(kind):
            yield kind, "mapped to a table"


def _collect(hint: Any, classes: dict[type, None]) -> None:
    """Find the classes that a type is made of: its arguments, and what dataclasses and models have in their fields."""
    for part in get_args(hint):
        _collect(part, classes)
    kind = get_origin(hint) or hint
    if isinstance(kind, type) and kind not in classes:
        classes[kind] = None
        for field in _fields(kind):
            _collect(field, classes)


def _fields(kind: type) -> Iterable[Any]:
    if not is_dataclass(kind) and not issubclass(kind, BaseModel):
        return ()
    try:
        return typing.get_type_hints(kind, include_extras=True).values()
    except NameError:
        return ()  # what it is made of is not known before it is used
