"""Examples in the API document: of messages as their fields say them, and of problems. Nothing that is secret is shown.

What a field says, pydantic's `Field(examples=[...])` or its default, is all that is shown; nothing is made up.
"""

import inspect
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from twofold.errors import TwofoldError
from twofold.messages import is_telling
from twofold.web._problem import CRASHED, PROBLEMS, Problem, status_of

_SHOWN: Final = ("default", "example", "examples")
_ID: Final = "01890a5d-ac96-774b-bcce-b302099a8057"
_SCHEMAS: Final = "#/components/schemas/"


def without_secrets_shown(schema: Any, *, secret: bool = False) -> Any:
    """A schema without the examples and defaults of what is secret, marked as such or by a telling name.

    Args:
        schema: The schema, or what is in one.
        secret: Whether all of it is secret.
    """
    if isinstance(schema, list):
        return [without_secrets_shown(one, secret=secret) for one in cast("list[object]", schema)]
    if not isinstance(schema, dict):
        return schema
    node = cast("dict[str, Any]", schema)
    secret = secret or any(one.get("writeOnly") for one in (node, *node.get("anyOf", ())))
    properties: Mapping[str, Any] = node.get("properties", {})
    hides = secret or any(is_telling(name) or one.get("writeOnly") for name, one in properties.items())
    kept = {name: without_secrets_shown(one, secret=secret) for name, one in node.items() if name != "properties"}
    if "properties" in node:
        kept["properties"] = {
            name: without_secrets_shown(one, secret=secret or is_telling(name)) for name, one in properties.items()
        }
    return {name: one for name, one in kept.items() if not (hides and name in _SHOWN)}


def example_of(
    message: Mapping[str, Any], sent: Iterable[str], definitions: Mapping[str, Any]
) -> dict[str, Any] | None:
    """An object, of the examples and defaults of its fields; None where a field that it must have shows none.

    Args:
        message: The schema of a message, or of what is in one, without what is secret.
        sent: The fields that it has.
        definitions: What schemas refer to.
    """
    found: dict[str, Any] = {}
    for name in sent:
        shown = _shown(message["properties"][name], definitions)
        if shown is not _NOTHING:
            found[name] = shown
        elif name in message.get("required", ()):
            return None
    return found or None


_NOTHING: Final = object()


def _shown(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Any:
    named: Mapping[str, Any] = definitions.get(schema.get("$ref", "").removeprefix(_SCHEMAS), {})
    for node in (schema, named):
        if node.get("examples"):
            return node["examples"][0]
    if "default" in schema or "properties" not in named:
        return schema.get("default", _NOTHING)
    made = example_of(named, named["properties"], definitions)
    return _NOTHING if made is None else made


def problem_examples(errors: Iterable[type[TwofoldError]]) -> dict[int, dict[str, Any]]:
    """Examples of the problems that errors are, by status and code.

    Args:
        errors: Their classes.
    """
    found: dict[int, dict[str, Any]] = {}
    for error in errors:
        text = (inspect.getdoc(error) or "").partition("\n")[0]
        problem = Problem(status=status_of(error.category), code=error.code, detail=text)
        if problem.status < CRASHED.status:
            found.setdefault(problem.status, {})[error.code] = {"value": problem_example(problem)}
    return found


def problem_example(problem: Problem) -> dict[str, Any]:
    """A problem as it is answered."""
    example: dict[str, Any] = json.loads(problem.document(_ID, PROBLEMS))
    return example
