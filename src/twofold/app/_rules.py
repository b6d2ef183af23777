"""The JSON Schema of an event with what JSON Schema has no word for: digits, time zones, keys of mappings, validators.

A snapshot of events keeps it, so that a rule that is new is seen where the standard's words are the same.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import to_jsonable_python

from twofold.messages import MessageType

CHECKED: Final = "x-checked-by"
"""The functions of the user that a value goes through; what they refuse no schema tells."""

_LIMITS: Final = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_KINDS: Final = frozenset({"decimal", "datetime", "date", "time", "timedelta", "url", "multi-host-url"})
_HIDDEN: Final = (
    "allowed_schemes",
    "decimal_places",
    "host_required",
    "max_digits",
    "multiple_of",
    "now_op",
    "tz_constraint",
)
_OTHERS: Final = ("pydantic", "pydantic_core", "twofold")


def rules_of(kind: MessageType[Any]) -> dict[str, Any]:
    """The JSON Schema of a message, with all that is known of what its class takes.

    Args:
        kind: The message.
    """
    return kind.adapter.json_schema(schema_generator=_Rules)


class _Rules(GenerateJsonSchema):
    def generate_inner(self, schema: Any) -> dict[str, Any]:
        found = super().generate_inner(schema)
        limits = dict(_limits(schema)) if schema["type"] in _KINDS else {}
        options = cast("list[dict[str, Any]]", found.get("anyOf", [found]))
        for option in options:
            option.update(limits)
        if schema["type"] == "dict" and "keys_schema" in schema:
            found["propertyNames"] = self.generate_inner(schema["keys_schema"])
        if names := [*_checks(schema)]:
            found[CHECKED] = sorted({*found.get(CHECKED, ()), *names})
        return found


def _limits(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Limits of a type that is a text in JSON: by the standard's words where it has some."""
    for name, word in _LIMITS.items():
        if name in schema:
            yield word, _plain(schema[name])
    for name in _HIDDEN:
        if schema.get(name):
            yield f"x-{name.replace('_', '-')}", _plain(schema[name])


def _plain(value: Any) -> Any:
    return float(value) if hasattr(value, "as_tuple") else to_jsonable_python(value)


def _checks(schema: Mapping[str, Any]) -> Iterator[str]:
    if schema["type"] == "dataclass" and schema.get("post_init"):
        yield "__post_init__"
    told = schema.get("function")
    function = cast("Mapping[str, Any]", told).get("function") if isinstance(told, Mapping) else None
    if function is not None and str(getattr(function, "__module__", "")).partition(".")[0] not in _OTHERS:
        yield str(getattr(function, "__name__", type(function).__name__))
