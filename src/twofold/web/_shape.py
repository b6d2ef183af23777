"""What a message looks like from outside: the fields of its JSON Schema, and which of them fit into a URL."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from twofold.messages import MessageType

Fit: TypeAlias = Literal["one", "many", "nested"]
"""One value, several of one kind, or something that no URL can hold."""

_SCALARS: Final = {"string", "integer", "number", "boolean", "null"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The fields of a message as clients write them.

    Args:
        fields: How each fits into a URL, by name.
        required: Those that have no default.
    """

    fields: Mapping[str, Fit]
    required: frozenset[str]

    @classmethod
    def of(cls, message_type: MessageType[Any]) -> "Shape":
        """Read it off a message type that has a JSON Schema."""
        whole: Mapping[str, Any] = message_type.schema()
        definitions: Mapping[str, Any] = whole.get("$defs", {})
        schema = _resolved(whole, definitions)
        properties: Mapping[str, Any] = schema.get("properties", {})
        return cls(
            fields={name: _fit(one, definitions) for name, one in properties.items()},
            required=frozenset(schema.get("required", ())),
        )


def fields_of(schema: Mapping[str, Any]) -> frozenset[str]:
    """The fields of an object by its schema, that of an object which may be missing too.

    Args:
        schema: The schema, with its definitions.
    """
    definitions: Mapping[str, Any] = schema.get("$defs", {})
    options = _resolved(schema, definitions).get("anyOf", [schema])
    kept = [_resolved(one, definitions) for one in options if one.get("type") != "null"]
    return frozenset[str](kept[0].get("properties", ())) if len(kept) == 1 else frozenset[str]()


def _resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    return schema


def _fit(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Fit:
    schema = _resolved(schema, definitions)
    options = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if options:
        fits: set[Fit] = {_fit(one, definitions) for one in options if one.get("type") != "null"}
        return fits.pop() if len(fits) == 1 else "nested"
    if "enum" in schema or "const" in schema or schema.get("type") in _SCALARS:
        return "one"
    if schema.get("type") == "array":
        items = [schema["items"]] if "items" in schema else schema.get("prefixItems", [])
        return "many" if items and all(_fit(one, definitions) == "one" for one in items) else "nested"
    return "nested"
