"""What stands in the place of personal data once the key of its subject is destroyed, and how JSON has both.

Whoever encrypts and decrypts is the room `personal`; here is what codecs have to know of it.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, cast

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

ERASED: Final = "twofold:erased"
"""The one member of what stands in JSON for what was erased."""

SEALED: Final = "twofold:personal"
"""The one member of what stands in JSON for what is encrypted."""


class Erased:
    """Personal data that nobody can read any more; an event has the only one, which is false and prints as `erased`.

    Example:
        >>> def shown(event: CustomerRegistered) -> str:
        ...     match event.email:
        ...         case Erased():
        ...             return "(erased)"
        ...         case email:
        ...             return email
    """

    __slots__ = ()
    _only: "Erased | None" = None

    def __new__(cls) -> "Erased":  # noqa: PYI034  # what the only subclass makes is its own
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "erased"

    def __copy__(self) -> "Erased":
        return self

    def __deepcopy__(self, memo: object) -> "Erased":
        return self

    def __reduce__(self) -> tuple[type["Erased"], tuple[()]]:
        return Erased, ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        marker = core_schema.no_info_plain_validator_function(_read)
        return core_schema.no_info_plain_validator_function(
            _read,
            json_schema_input_schema=marker,
            serialization=core_schema.plain_serializer_function_ser_schema(_write),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        member = {"const": True, "type": "boolean"}
        return {"type": "object", "properties": {ERASED: member}, "required": [ERASED], "title": "Erased"}


def is_erased(value: object) -> bool:
    """Whether a value in JSON stands for what was erased."""
    return isinstance(value, Mapping) and [*cast("Mapping[str, object]", value).items()] == [(ERASED, True)]


def sealed_text(value: object) -> str | None:
    """What is encrypted in a value in JSON; None for one that is not."""
    if not isinstance(value, Mapping):
        return None
    members = cast("Mapping[str, object]", value)
    text = members.get(SEALED)
    return text if len(members) == 1 and isinstance(text, str) else None


def without_personal(body: object) -> object:
    """A message in JSON with everything erased in it that is encrypted."""
    if not isinstance(body, Mapping):
        return body
    members = cast("Mapping[str, object]", body).items()
    return {name: one if sealed_text(one) is None else {ERASED: True} for name, one in members}


def _read(value: object) -> Erased:
    if isinstance(value, Erased) or is_erased(value):
        return Erased()
    raise ValueError("it is not erased")


def _write(_: object) -> dict[str, bool]:
    return {ERASED: True}
