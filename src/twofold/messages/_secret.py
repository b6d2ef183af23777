"""Secrets of messages: marked where they are declared, and left out of everything that is written for people to read.

What is to be left out of a class is decided once, when its pipeline is built. The marker does most of it inside the
codec, however deep a secret sits; names that speak for themselves are looked for besides, wherever a value may have
them.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Final, TypeVar, cast, get_args, get_type_hints

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, SerializationInfo, SerializerFunctionWrapHandler
from pydantic.errors import PydanticUserError
from pydantic_core import PydanticSerializationError, core_schema

from twofold.errors import Invalid, WiringError
from twofold.messages._strictly import strict_writer
from twofold.messages._telling import HIDDEN, is_telling
from twofold.messages._type import MessageType
from twofold.messages._whole import parts_of

M = TypeVar("M")

_REDACTED: Final = "twofold redacted"
_UNWRITABLE: Final = "null"
_NOT_AS_IT_SAYS: Final = (PydanticSerializationError, ValueError, TypeError, AttributeError)
_SAYS_NO_TYPE: Final = {"title", "default", "description", "examples", "deprecated", "readOnly", "writeOnly"}
_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Secret:
    """Marks a field, at any depth of a message, whose value no audit trail, log line or print of the message has.

    Events have none: they would be kept in the log for ever. pydantic's `SecretStr` is one without being marked. It is
    no mark for answers: one shows what its own type marks, to whoever asks, and `repr()` shows it of any object.

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
    write = strict_writer(kind.adapter, _written)

    def plain(message: M) -> str:
        try:
            return write(message, _REDACTED).decode()
        except _NOT_AS_IT_SAYS:
            return normalised(message)

    def normalised(message: M) -> str:
        try:
            return write(kind.validate(message), _REDACTED).decode()
        except (*_NOT_AS_IT_SAYS, Invalid):
            return _UNWRITABLE

    found = _schemas(kind)
    if found is None or _is_open_somewhere(found):
        return lambda message: _json(without_secrets(_without_marked(json.loads(plain(message)), message)))
    if any(is_telling(name) for schema in found for name in schema.get("properties", ())):
        return lambda message: _json(without_secrets(json.loads(plain(message))))
    return plain


def _written(value: Any, write: SerializerFunctionWrapHandler, info: SerializationInfo[Any]) -> Any:
    return HIDDEN if info.context == _REDACTED else write(value)


def _schemas(kind: MessageType[Any]) -> list[dict[str, Any]] | None:
    """The schema of a message, and those of what is in it; None where it has none."""
    try:
        schema = kind.schema()
    except (PydanticUserError, WiringError):
        return None
    return [schema, *schema.get("$defs", {}).values()]


def _is_open_somewhere(schemas: list[dict[str, Any]]) -> bool:
    """Whether a message may have fields that its schema does not name."""
    return any(_is_open(node) for schema in schemas for node in _nodes(schema.get("properties", schema)))


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
    return (node.get("type") == "object" and "properties" not in node) or node.keys() <= _SAYS_NO_TYPE


def _without_marked(plain: object, value: object) -> object:
    """A JSON value without the secrets of dataclasses whose class pydantic is not told, so that it looks at no marks.

    Args:
        plain: The value as its codec writes it.
        value: The value.
    """
    if isinstance(plain, list):
        elements = cast("list[object]", plain)
        values = cast("Collection[object]", value) if isinstance(value, Collection) else ()
        return [*map(_without_marked, elements, values)] if len(values) == len(elements) else elements
    if not isinstance(plain, dict):
        return plain
    members, parts = cast("dict[str, object]", plain), parts_of(value)
    if parts is not None:
        kind: Any = type(value)  # mypy takes the hash of an instance for that of its class
        marked = _marked(kind)
        return {
            name: HIDDEN if name in marked and one is not None else _without_marked(one, parts.get(name))
            for name, one in members.items()
        }
    values = cast("Mapping[object, object]", value).values() if isinstance(value, Mapping) else ()
    if len(values) != len(members):
        return members
    return dict(zip(members, map(_without_marked, members.values(), values), strict=True))


@cache
def _marked(cls: Any) -> frozenset[str]:
    """The fields of a class that it marks as secret; all of them where its annotations cannot be read."""
    try:
        hints = get_type_hints(cls, include_extras=True)
    except (NameError, TypeError):
        return frozenset(one.name for one in fields(cls)) if is_dataclass(cls) else frozenset()
    return frozenset(name for name, hint in hints.items() if _is_marked(hint))


def _is_marked(hint: Any) -> bool:
    metadata = getattr(hint, "__metadata__", ())
    return any(one is Secret or isinstance(one, Secret) for one in metadata) or any(map(_is_marked, get_args(hint)))


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
