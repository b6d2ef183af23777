"""Fields of a message that are filled from its context and never by an untrusted door."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from twofold.errors import Forbidden, Unauthenticated
from twofold.messages._context import Context, Origin
from twofold.messages._marks import marks_of


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
    """The fields of a message class that its context fills: field name to the context's fact.

    Raises:
        WiringError: An annotation of the class cannot be resolved.
    """
    return {name: marks[-1].name for name, marks in marks_of(cls, FromContext).items()}


def filled_by(origin: Origin, fields: Mapping[str, str], required: Collection[str]) -> dict[str, str]:
    """What the fields of a message are that its context fills, at a door.

    Args:
        origin: Where the message comes from.
        fields: These fields, as `context_fields` has them.
        required: The fields of the message that it must have.

    Raises:
        Unauthenticated: Nobody is known, and it needs somebody.
        Forbidden: Whoever is known lacks a fact that it needs.
    """
    context = Context(origin)
    found: dict[str, str] = {}
    for name, fact in fields.items():
        value: str | None = getattr(context, fact)
        if value is not None:
            found[name] = value
        elif name in required:
            if origin.principal is None:
                raise Unauthenticated("nobody is logged in, and this needs somebody")
            raise Forbidden(f"this needs a {fact.replace('_', ' ')}")
    return found
