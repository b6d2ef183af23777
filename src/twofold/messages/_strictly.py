"""Writing values as JSON, where what is not as its type says is refused.

pydantic refuses it when it is told `warnings="error"`, and takes longer to understand that word than to write a
message, since it expects a bool and makes an exception of finding none. So it is told only where a look is not enough.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter

_AS_THEY_ARE: Final[Mapping[str, type]] = {
    "bool": bool,
    "date": date,
    "datetime": datetime,
    "decimal": Decimal,
    "float": float,
    "int": int,
    "none": type(None),
    "str": str,
    "uuid": UUID,
}
_WITH_VALIDATORS: Final = ("function-after", "function-before", "function-wrap")
_WRITTEN_AS_WHAT_IS_INSIDE: Final = ("default", *_WITH_VALIDATORS)
_BOUNDS: Final = frozenset(
    {
        *("gt", "ge", "lt", "le", "multiple_of", "max_digits", "decimal_places", "min_length", "max_length", "pattern"),
        *("now_op", "tz_constraint", "version"),
    }
)
_MISSING: Final = object()
_NONE: Final = frozenset[type]()


def strict_writer(adapter: TypeAdapter[Any], known: Callable[..., object] | None = None) -> Callable[..., bytes]:
    """What gives values of a type as JSON, and raises a `PydanticSerializationError` for others.

    It takes the value, and what serialisers of fields are told as their `context`.

    Args:
        adapter: The codec of the type.
        known: A serialiser of fields which gives what it is given to the one of their type, or something else for it.
    """
    write, is_plainly_so = adapter.serializer.to_json, plainly_so(adapter.core_schema, known)

    def strictly(value: object, context: object = None) -> bytes:
        return write(value, context=context, warnings=False if is_plainly_so(value) else "error")

    return strictly


def plainly_so(schema: Any, known: object = None, *, bounded: bool = True) -> Callable[[object], bool]:
    """Tells whether a value is as its type says, where its class and those of its fields are enough to tell.

    Args:
        schema: The core schema of the type.
        known: A serialiser of fields which gives what it is given to the one of their type, or something else for it.
        bounded: Whether values are within the bounds of their types, so that nobody has to look.
    """
    types = _types(schema, known, bounded=bounded)
    if types:
        return lambda value: type(value) in types
    if schema["type"] == "nullable" and "serialization" not in schema:
        is_inside = plainly_so(schema["schema"], known, bounded=bounded)
        return lambda value: value is None or is_inside(value)
    within = _fields(schema)
    if within is None:
        return lambda _: False
    cls, fields = schema["cls"], [(name, _types(inside, known, bounded=bounded)) for name, inside in within.items()]

    def is_plainly_so(value: object) -> bool:
        if type(value) is not cls:
            return False
        for name, types in fields:  # noqa: SIM110  # `all` costs as much again
            if type(getattr(value, name, _MISSING)) not in types:
                return False
        return True

    return is_plainly_so if all(types for _, types in fields) else lambda _: False


def _fields(schema: Any) -> dict[str, Any] | None:
    """The schemas of the fields of a class, where nothing else of it is written."""
    if schema["type"] not in ("dataclass", "model") or "serialization" in schema:
        return None
    inside = schema["schema"]
    if inside["type"] not in ("dataclass-args", "model-fields"):
        return None
    if inside.get("computed_fields") or inside.get("extras_schema"):
        return None
    fields: Any = inside["fields"]
    if inside["type"] == "dataclass-args":
        return {field["name"]: field["schema"] for field in fields}
    return {name: field["schema"] for name, field in fields.items()}


def _types(schema: Any, known: object, *, bounded: bool) -> frozenset[type]:
    """The classes whose values a schema takes and writes as they are; none where there is more to it."""
    kind = schema["type"]
    if not bounded and (kind in _WITH_VALIDATORS or schema.keys() & _BOUNDS):
        return _NONE
    if "serialization" in schema and (known is None or schema["serialization"].get("function") is not known):
        return _NONE
    if kind in _WRITTEN_AS_WHAT_IS_INSIDE:
        return _types(schema["schema"], known, bounded=bounded)
    if kind == "nullable":
        inside = _types(schema["schema"], known, bounded=bounded)
        return inside | {type(None)} if inside else _NONE
    if kind == "enum":
        return frozenset({schema["cls"]})
    return frozenset({_AS_THEY_ARE[kind]}) if kind in _AS_THEY_ARE else _NONE
