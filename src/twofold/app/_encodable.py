"""Faults in messages that could be built but never written down: found at the start, not at the first commit."""

import typing
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError

from twofold.errors import Fault, WiringError
from twofold.messages import MessageType


def encoding_faults(messages: Iterable[MessageType[Any]]) -> list[Fault]:
    """Messages that have no form in JSON, and the fields that are to blame.

    Args:
        messages: The messages of an application.
    """
    faults: list[Fault] = []
    for message in messages:
        where = message.cls.__qualname__
        try:
            message.schema()
        except (WiringError, PydanticUserError) as error:
            fields = ", ".join(_culprits(message.cls))
            text = f"has a field that cannot be encoded: {fields}" if fields else _reason(error, where)
            hint = "use types that have a form in JSON, or tell pydantic what theirs is" if fields else ""
            faults.append(Fault(where=where, code="unencodable", text=text, hint=hint))
    return faults


def _culprits(cls: type) -> Iterator[str]:
    try:
        hints = typing.get_type_hints(cls, include_extras=True)
    except NameError:
        return
    for name, hint in hints.items():
        if typing.get_origin(hint) is typing.ClassVar:
            continue
        try:
            TypeAdapter[Any](hint).json_schema()
        except PydanticUserError:
            yield f"{name} ({getattr(hint, '__qualname__', None) or hint})"


def _reason(error: WiringError | PydanticUserError, where: str) -> str:
    text = error.detail if isinstance(error, WiringError) else error.message
    return text.removeprefix(f"{where} ").splitlines()[0]
