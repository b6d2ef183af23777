"""Faults in messages that could be built but never written down: found at the start, not at the first commit."""

import typing
from collections.abc import Iterable, Iterator
from dataclasses import is_dataclass
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.errors import PydanticUserError

from twofold.app._personal import field_faults
from twofold.errors import Fault, WiringError
from twofold.messages import PERSONAL, Kind, MessageType, is_telling


def encoding_faults(messages: Iterable[MessageType[Any]]) -> list[Fault]:
    """Messages that have no form in JSON, and the fields that are to blame.

    Args:
        messages: The messages of an application.
    """
    faults: list[Fault] = []
    for message in messages:
        try:
            schema, _ = message.schema(), message.tag_fields
        except (WiringError, PydanticUserError) as error:
            faults.append(_fault(message.cls, error))
        else:
            faults += field_faults(message, schema)
            if message.kind is Kind.EVENT:
                faults += _secrets(message.cls, schema)
    return faults


def _secrets(cls: type, schema: dict[str, Any]) -> Iterator[Fault]:
    """What an event has that would be lost, or kept for ever for everybody to read."""
    where, marked = cls.__qualname__, [*write_only(schema)]
    if marked:
        text = f"would store a secret as asterisks: {', '.join(marked)}"
        yield Fault(where=where, code="secret_in_event", text=text, hint="leave secrets out of events")
    if telling := [name for name in _telling(schema) if name not in marked]:
        text = f"would store in the clear what its name says is a secret: {', '.join(telling)}"
        hint = "leave it out, or mark it Personal; one that is none gets another name, or Annotated[..., NotSecret]"
        yield Fault(where=where, code="secret_in_event", text=text, hint=hint)


def _telling(schema: dict[str, Any]) -> Iterator[str]:
    """Fields that are neither encrypted nor said to be no secret, and have the name of one."""
    for name, field in _fields(schema):
        if is_telling(name) and PERSONAL not in field and field.get("writeOnly") is not False:
            yield name


def write_only(schema: dict[str, Any]) -> Iterator[str]:
    """Fields that pydantic reads and never writes: `SecretStr` and its like, and what is marked as `Secret`."""
    for name, field in _fields(schema):
        if any(form.get("writeOnly") for form in (field, *field.get("anyOf", ()))):
            yield name


def _fields(schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The fields of a message and of all that it refers to, by name."""
    for part in (schema, *schema.get("$defs", {}).values()):
        yield from part.get("properties", {}).items()


def _fault(cls: type, error: WiringError | PydanticUserError) -> Fault:
    where = cls.__qualname__
    if not is_dataclass(cls) and not issubclass(cls, BaseModel):
        text, hint = "is neither a dataclass nor a pydantic model", "put @dataclass(frozen=True, kw_only=True) above it"
    elif fields := ", ".join(_culprits(cls)):
        text = f"has a field that cannot be encoded: {fields}"
        hint = "use types that have a form in JSON, or tell pydantic what theirs is"
    else:
        text = error.detail if isinstance(error, WiringError) else error.message
        text, hint = text.removeprefix(f"{where} ").splitlines()[0], "use types that have a form in JSON"
    return Fault(where=where, code="unencodable", text=text, hint=hint)


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
        except PydanticUserError as error:
            shown = getattr(hint, "__qualname__", None) or hint
            # Those of its subclasses say no more than the type, or how to have it pass unlooked at.
            reason = f": {error.message.rstrip('.')}" if type(error) is PydanticUserError else ""
            yield f"{name} ({shown}{reason})"
