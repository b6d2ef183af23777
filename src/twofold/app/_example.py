"""Examples of an event, made of its JSON Schema: one with every field, and one with those alone that it must have."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic_core import to_json

from twofold.errors import Undecodable
from twofold.messages import MessageType

_DEPTH: Final = 6
_TEXTS: Final = {
    "uuid": "01890a5d-ac96-774b-bcce-b302099a8057",
    "date-time": "2026-01-02T12:00:00Z",
    "date": "2026-01-02",
    "time": "12:00:00",
    "duration": "PT1H",
    "email": "ada@example.org",
    "uri": "https://example.org/",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "base64url": "AAAA",
    "binary": "AAAA",
}


def examples_of(kind: MessageType[Any]) -> list[str]:
    """Bodies that the class of an event takes, as twofold writes them; none when its own rules refuse what was made.

    Args:
        kind: The event.
    """
    return [*dict.fromkeys(_examples(kind))]


def _examples(kind: MessageType[Any]) -> Iterator[str]:
    schema = kind.schema()
    for whole in (True, False):
        try:
            written = kind.encode(kind.decode(to_json(_value(schema, schema, 0, whole=whole))))
            kind.decode(written)
        except (Undecodable, _Unmakeable):
            continue
        yield written.decode()


class _Unmakeable(Exception):
    """A schema that nothing is made of."""


def _value(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int, *, whole: bool) -> Any:
    if depth > _DEPTH:
        raise _Unmakeable
    match schema:
        case {"$ref": str(name)}:
            return _value(root["$defs"][name.rpartition("/")[2]], root, depth + 1, whole=whole)
        case {"const": value}:
            return value
        case {"enum": [value, *_]}:
            return value
        case {"anyOf": options} | {"oneOf": options}:
            return _first(options, root, depth, whole=whole)
        case {"type": "object"}:
            return _object(schema, root, depth, whole=whole)
        case {"type": "array"}:
            return _array(schema, root, depth, whole=whole)
        case {"type": "string"}:
            return _text(schema)
        case {"type": "integer" | "number"}:
            return _number(schema)
        case {"type": "boolean"}:
            return True
        case _:
            return None


def _first(options: list[Any], root: Mapping[str, Any], depth: int, *, whole: bool) -> Any:
    """The first option that something is made of; nothing, where that is allowed, comes last."""
    for option in sorted(options, key=lambda one: one.get("type") == "null"):
        try:
            return _value(option, root, depth, whole=whole)
        except _Unmakeable:
            continue
    raise _Unmakeable


def _object(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int, *, whole: bool) -> dict[str, Any]:
    required = schema.get("required", ())
    made: dict[str, Any] = {}
    for name, field in schema.get("properties", {}).items():
        try:
            if whole or name in required:
                made[name] = _value(field, root, depth + 1, whole=whole)
        except _Unmakeable:
            if name in required:
                raise
    return made


def _array(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int, *, whole: bool) -> list[Any]:
    if "prefixItems" in schema:
        return [_value(one, root, depth + 1, whole=whole) for one in schema["prefixItems"]]
    least: int = schema.get("minItems", 0)
    try:
        one = [_value(schema["items"], root, depth + 1, whole=whole)] if schema.get("items") else []
    except _Unmakeable:
        if least:
            raise
        one = []
    return one * max(1, least)


def _text(schema: Mapping[str, Any]) -> str:
    text = _TEXTS.get(schema.get("format", ""), "text")
    return text.ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength")]


def _number(schema: Mapping[str, Any]) -> int | float:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    step: float = schema.get("multipleOf", 1)
    tried: list[float] = [step, *(near for bound in (low, high) if bound is not None for near in _near(bound, step))]
    if low is not None and high is not None and schema["type"] == "number":
        tried.append((low + high) / 2)
    for number in tried:
        above = low is None or number > low or (number == low and "minimum" in schema)
        below = high is None or number < high or (number == high and "maximum" in schema)
        if above and below:
            return number
    raise _Unmakeable


def _near(bound: float, step: float) -> tuple[float, ...]:
    whole = bound // step * step
    return whole, whole + step, whole - step
