"""Which fields hold secrets: those whose names tell of one, and those whose JSON Schema says that none is shown."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

HIDDEN: Final = "***"
"""What stands in the place of a secret."""

_TELLING: Final = re.compile(
    r"(^|_)([a-z]*passw(or)?d|passphrase|passcode|pwd|secret|token|jwt|credentials?|authorization"
    r"|(api|private|secret|access|signing)_?key|pin|cvv|cvc|otp|ssn|card_?num(ber)?)s?_?\d*($|_)"
)


def is_telling(name: str) -> bool:
    """Whether a field says by its name that it has a secret."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()
    return _TELLING.search(snake) is not None


def holds_secret(schema: Mapping[str, Any], path: Sequence[str | int]) -> bool:
    """Whether what stands at a place of a message is a secret, or a part of one.

    Args:
        schema: The JSON Schema of the message.
        path: The place, as pydantic tells it: with names of members of unions in between.
    """
    nodes = list(_meant(schema, schema))
    for step in path:
        if isinstance(step, str) and is_telling(step):
            return True
        inner = [one for node in nodes for part in _at(node, step) for one in _meant(part, schema)]
        nodes = inner or nodes
        if any(node.get("writeOnly") for node in nodes):
            return True
    return False


def has_secret(schema: Mapping[str, Any], field: str) -> bool:
    """Whether a field of a message is a secret, or holds one at any depth.

    Args:
        schema: The JSON Schema of the message.
        field: The field, as the schema calls it.
    """
    nodes: list[object] = [schema.get("properties", {}).get(field)]
    seen = set[int]()
    while nodes:
        node = nodes.pop()
        if isinstance(node, list):
            nodes += cast("list[object]", node)
        elif isinstance(node, dict):
            found = cast("dict[str, Any]", node)
            if id(found) in seen:
                continue
            seen.add(id(found))
            if found.get("writeOnly") is True:
                return True
            nodes += found.values()
            if "$ref" in found:
                nodes.append(schema["$defs"][found["$ref"].rpartition("/")[2]])
    return False


def _meant(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A node with what it refers to and whatever it may be instead."""
    yield node
    others = [one for kind in ("anyOf", "oneOf", "allOf") for one in node.get(kind, ())]
    if "$ref" in node:
        others.append(schema["$defs"][node["$ref"].rpartition("/")[2]])
    for one in others:
        yield from _meant(one, schema)


def _at(node: Mapping[str, Any], step: str | int) -> Iterator[Mapping[str, Any]]:
    """What a node says of one of its members."""
    if isinstance(step, str):
        found = (node.get("properties", {}).get(step), node.get("additionalProperties"))
    else:
        found = (*node.get("prefixItems", ())[step : step + 1], node.get("items"))
    yield from (one for one in found if isinstance(one, dict))
