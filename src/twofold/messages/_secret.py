"""Secrets of messages: marked where they are declared, and left out of everything that is written for people to read.

What is to be left out of a class is decided once, when its pipeline is built. The marker does most of it inside the
codec, however deep a secret sits; names that speak for themselves are looked for besides, wherever a value may have
them.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar, cast

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, SerializationInfo, SerializerFunctionWrapHandler
from pydantic.errors import PydanticUserError
from pydantic_core import PydanticSerializationError, core_schema

from twofold.errors import Invalid, WiringError
from twofold.messages._telling import HIDDEN, is_telling
from twofold.messages._type import MessageType

M = TypeVar("M")

_REDACTED: Final = "twofold redacted"
_UNWRITABLE: Final = "null"
_NOT_AS_IT_SAYS: Final = (PydanticSerializationError, ValueError, TypeError, AttributeError)
_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Secret:
    """Marks a field, at any depth of a message, whose value is written to no audit trail, log line or output.

    Events have none: they would be kept in the log for ever. pydantic's `SecretStr` is one without being marked.

    Example:
        >>> @dataclass(frozen=True, kw_only=True)
        ... class Register(Command[UUID]):
        ...     email: str
        ...     password: Annotated[str, Secret]
    """

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        schema = handler(source)
        written = core_schema.wrap_serializer_function_ser_schema(_written, info_arg=True, schema=schema)
        return cast("core_schema.CoreSchema", {**schema, "serialization": written})

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "writeOnly": True}


class NotSecret:
    """Marks a field of an event that holds no secret, although its name tells of one: `tokens`, a number.

    It lets the event start. What is written for people to read goes by names, and hides the field as before.

    Example:
        >>> @dataclass(frozen=True, kw_only=True)
        ... class TextParsed(Event):
        ...     tokens: Annotated[int, NotSecret]
    """

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "writeOnly": False}


def redacting(kind: MessageType[M]) -> Callable[[M], str]:
    """What gives messages of a type as JSON without their secrets.

    A message that is not as its type says is given as what is handled in its place, when it can be normalised, else as
    `null`: nobody could tell what of it is a secret.

    Args:
        kind: The type.
    """
    serialize = kind.adapter.serializer.to_json

    def plain(message: M) -> str:
        try:
            return serialize(message, context=_REDACTED, warnings="error").decode()
        except _NOT_AS_IT_SAYS:
            return normalised(message)

    def normalised(message: M) -> str:
        try:
            return serialize(kind.validate(message), context=_REDACTED, warnings="error").decode()
        except (*_NOT_AS_IT_SAYS, Invalid):
            return _UNWRITABLE

    if not _may_tell(kind):
        return plain
    return lambda message: _json(without_secrets(json.loads(plain(message))))


def _written(value: Any, write: SerializerFunctionWrapHandler, info: SerializationInfo[Any]) -> Any:
    return HIDDEN if info.context == _REDACTED else write(value)


def _may_tell(kind: MessageType[Any]) -> bool:
    """Whether a message may have a field with a telling name: by its schema, or since that leaves names open."""
    try:
        schema = kind.schema()
    except (PydanticUserError, WiringError):
        return True
    parts = [schema, *schema.get("$defs", {}).values()]
    return any(is_telling(name) for part in parts for name in part.get("properties", ())) or any(
        _is_open(node) for part in parts for node in _nodes(part.get("properties", part))
    )


def _nodes(node: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, list):
        for one in cast("list[object]", node):
            yield from _nodes(one)
    elif isinstance(node, dict):
        found = cast("dict[str, object]", node)
        yield found
        for one in found.values():
            yield from _nodes(one)


def _is_open(node: Mapping[str, Any]) -> bool:
    return (node.get("type") == "object" and "properties" not in node) or node.keys() <= {"title", "default"}


def without_secrets(value: object) -> object:
    """A JSON value with what says by its name that it is a secret hidden, at any depth.

    Args:
        value: As `json.loads` gives it.
    """
    if isinstance(value, list):
        return [without_secrets(one) for one in cast("list[object]", value)]
    if isinstance(value, dict):
        members = cast("dict[str, object]", value).items()
        return {name: HIDDEN if one is not None and is_telling(name) else without_secrets(one) for name, one in members}
    return value
