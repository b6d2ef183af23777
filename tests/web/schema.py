"""As much of JSON Schema as the API document of the shop uses; a keyword that is not known here is an error."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}
NOTES = {"title", "description", "default", "format", "additionalProperties", "properties", "items", "required"}


def fits(value: object, schema: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    """Whether a value fits a schema of an API document."""
    schema = resolved(schema, document)
    if "anyOf" in schema:
        return any(fits(value, option, document) for option in schema["anyOf"])
    assert schema.keys() <= {*NOTES, "type"}, f"unknown keywords in {schema}"
    if not isinstance(value, TYPES[schema["type"]] if "type" in schema else object):
        return False
    if schema.get("format") == "uuid":
        UUID(str(value))
    if isinstance(value, list):
        return all(fits(one, schema.get("items", {}), document) for one in value)
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        others = schema.get("additionalProperties", True)
        return set(schema.get("required", ())) <= value.keys() and all(
            fits(one, properties[name], document)
            if name in properties
            else others is True or (others is not False and fits(one, others, document))
            for name, one in value.items()
        )
    return True


def resolved(node: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference in a document refers to."""
    while "$ref" in node:
        found: Any = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        node = found
    return node
