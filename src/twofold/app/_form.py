"""The fields of a message as its JSON Schema tells them: for whoever types one, and for catalogues that show it."""

import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from twofold.messages import MessageType, is_telling

_DEPTH: Final = 3
_FORMATS: Final = {
    "uuid": "UUID",
    "date-time": "date and time",
    "date": "date",
    "time": "time",
    "duration": "duration",
    "binary": "bytes",
}
_LIMITS: Final = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "pattern": "as {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
}
_NAMES: Final = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "true or false",
    "null": "nothing",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of a message.

    Args:
        name: What it is called outside of Python.
        type: What it takes, in words.
        limits: What else holds for it, in words.
        required: Whether it has no default.
        default: Its default as JSON; empty without one.
        text: What is said of it.
        filled_by: The fact of the context that fills it; empty for one that is sent.
        secret: Whether nothing that people read shows it.
        takes_text: Whether what somebody types for it is a text as it stands, and no JSON.
    """

    name: str
    type: str
    limits: tuple[str, ...] = ()
    required: bool = False
    default: str = ""
    text: str = ""
    filled_by: str = ""
    secret: bool = False
    takes_text: bool = False

    def read(self, typed: str) -> Any:
        """What somebody typed: JSON unless it is a text; what is none is left to whoever checks the message."""
        return _read(typed, takes_text=self.takes_text)


def fields_of(kind: MessageType[Any], *, nested: bool = False) -> tuple[Field, ...]:
    """The fields of a message, in their order.

    Args:
        kind: The message, of an application that is sound.
        nested: Whether those of the objects in it follow, under their paths.
    """
    whole = kind.schema()
    return tuple(_fields(whole, whole, "", kind.context_fields, _DEPTH if nested else 0))


def read_at(kind: MessageType[Any], path: Sequence[str], typed: str) -> Any:
    """What somebody typed for a place deep in a message, as `Field.read` does for a field.

    Args:
        kind: The message, of an application that is sound.
        path: The fields, indexes and keys that lead there.
        typed: What was typed.
    """
    whole = kind.schema()
    places: list[Mapping[str, Any]] = [whole]
    for part in path:
        places = [inner for one in places for inner in _inside(one, part, whole)]
    return _read(typed, takes_text=any(_takes_text(one, whole) for one in places))


def _read(typed: str, *, takes_text: bool) -> Any:
    if takes_text:
        return typed
    try:
        return json.loads(typed)
    except ValueError:  # pydantic takes some texts for what the field is: `yes` for a bool
        return typed


def _inside(schema: Mapping[str, Any], part: str, whole: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What may stand at one place of an object, a list or a mapping: in each of the forms that it may have."""
    schema = _resolved(schema, whole)
    for option in _options(schema):
        yield from _inside(option, part, whole)
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    if part in known:
        yield known[part]
    elif isinstance(others, Mapping):
        yield others
    if part.isdecimal():
        fixed = schema.get("prefixItems", ())
        yield from fixed[int(part) : int(part) + 1] or filter(None, [schema.get("items")])


def _fields(
    schema: Mapping[str, Any], whole: Mapping[str, Any], path: str, filled: Mapping[str, str], depth: int
) -> Iterator[Field]:
    schema = _resolved(schema, whole)
    for name, one in schema.get("properties", {}).items():
        secret = is_telling(name) or any(form.get("writeOnly", False) for form in (one, *_options(one)))
        shown = one.get("default") is not None and not secret
        yield Field(
            name=path + name,
            type=_type(one, whole),
            limits=tuple(_limits(one, whole)),
            required=name in schema.get("required", ()),
            default=json.dumps(one["default"], ensure_ascii=False) if shown else "",
            text=one.get("description", ""),
            filled_by=filled.get(name, ""),
            secret=secret,
            takes_text=_takes_text(one, whole),
        )
        for inner in _objects(one, whole) if depth else ():
            yield from _fields(inner, whole, f"{path}{name}.", {}, depth - 1)


def _objects(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The objects that a field holds: itself, an option, or the items of a list."""
    schema = _resolved(schema, whole)
    if "properties" in schema:
        yield schema
    for one in (*_options(schema), *filter(None, [schema.get("items")])):
        yield from _objects(one, whole)


def docstring_of(cls: type) -> str:
    """What somebody wrote of a class, and not what a dataclass writes of itself; empty when nobody did."""
    text = vars(cls).get("__doc__") or ""
    return "" if text.startswith(f"{cls.__name__}(") else inspect.cleandoc(text)


def _resolved(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema


def _options(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf") or []
    return found


def _takes_text(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> bool:
    schema = _resolved(schema, whole)
    if options := _options(schema):
        return any(_takes_text(one, whole) for one in options)
    values = [schema["const"]] if "const" in schema else schema.get("enum", ())
    return schema.get("type") == "string" or any(isinstance(one, str) for one in values)


def _type(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> str:
    schema = _resolved(schema, whole)
    if "const" in schema:
        return json.dumps(schema["const"], ensure_ascii=False)
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    if options := _options(schema):
        return " or ".join(dict.fromkeys(_type(one, whole) for one in options))
    match schema.get("type"):
        case "array" if "prefixItems" in schema:
            return f"({', '.join(_type(one, whole) for one in schema['prefixItems'])})"
        case "array":
            return f"list of {_type(schema.get('items') or {}, whole)}"
        case "object" if "properties" in schema:
            return str(schema.get("title", "object"))
        case "object":
            return "object"
        case "string":
            return _FORMATS.get(schema.get("format", ""), "text")
        case other:
            return _NAMES.get(str(other), "any JSON")


def _limits(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> Iterator[str]:
    for one in (schema, *_options(schema)):
        resolved = _resolved(one, whole)
        for name, text in _LIMITS.items():
            if name in resolved:
                yield text.format(_number(resolved[name]))


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
