"""What pydantic's schema of a type says of the way to JSON and back."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

_BACK_AGAIN: Final = frozenset(
    {
        *("none", "bool", "int", "float", "decimal", "str", "bytes", "uuid", "date", "time", "datetime", "timedelta"),
        *("any", "literal", "enum", "list", "tuple", "set", "frozenset", "dict", "nullable", "union", "tagged-union"),
        *("model", "model-fields", "model-field", "dataclass", "dataclass-args", "dataclass-field", "default"),
        *("typed-dict", "typed-dict-field", "definitions", "definition-ref"),
    }
)
_OF_ITS_OWN: Final = frozenset(
    {
        *("serialization", "validation_alias", "serialization_alias", "serialization_exclude"),
        *("init_only", "custom_init", "computed_fields"),
    }
)
_KEYS: Final = ("str", "int", "uuid", "decimal", "date", "datetime")
_NO_SCHEMAS: Final = frozenset({"serialization", "metadata", "config", "default", "cls", "expected", "members"})


def comes_back(schema: Any) -> bool:
    """Whether what a type is written as is read as that type again, by nothing but pydantic's own rules.

    It is not sure of one with validators, serialisers, aliases or computed fields: what those make of a value they need
    not take again.

    Args:
        schema: Its core schema.
    """
    return all(
        one["type"] in _BACK_AGAIN
        and not any(one.get(key) for key in _OF_ITS_OWN)
        and (one["type"] != "dict" or one.get("keys_schema", {"type": "str"})["type"] in _KEYS)
        for one in _nodes(schema)
    )


def kinds_in(schema: Any) -> frozenset[str]:
    """What a type consists of, in the words of pydantic: `decimal`, `any`.

    Args:
        schema: Its core schema.
    """
    return frozenset(node["type"] for node in _nodes(schema))


def field_names(schema: Any) -> frozenset[str]:
    """The names of all fields of a type, and of those in it.

    Args:
        schema: Its core schema.
    """
    found = set[str]()
    for node in _nodes(schema):
        for field in node.get("fields", ()):
            found.add(field if isinstance(field, str) else field["name"])
    return frozenset(found)


def _nodes(schema: Any) -> Iterator[Mapping[str, Any]]:
    """Each schema in a schema."""
    if isinstance(schema, dict):
        node = cast("dict[str, Any]", schema)
        if isinstance(node.get("type"), str):
            yield node
        for key, inside in node.items():
            if key not in _NO_SCHEMAS:
                yield from _nodes(inside)
    elif isinstance(schema, list | tuple):
        for one in cast("Sequence[Any]", schema):
            yield from _nodes(one)
