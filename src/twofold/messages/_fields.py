"""Fields of a message that are filled from its context and never by an untrusted door."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints


@dataclass(frozen=True, slots=True)
class FromContext:
    """Marks a field as the context's: filled by the door, hidden from API documents, refused in a body.

    Args:
        name: Which fact of the context fills it.

    Example:
        >>> @dataclass(frozen=True, kw_only=True)
        ... class ChangePassword(Command[None]):
        ...     user_id: Annotated[UUID, FromContext("user_id")]
        ...     password: str
    """

    name: Literal["user_id", "tenant", "correlation_id"]


def context_fields(cls: type) -> Mapping[str, str]:
    """The fields of a message class that its context fills: field name to the context's fact."""
    found: dict[str, str] = {}
    for name, hint in _hints(cls).items():
        if get_origin(hint) is Annotated:
            found.update((name, mark.name) for mark in get_args(hint)[1:] if isinstance(mark, FromContext))
    return found


def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls, include_extras=True)
