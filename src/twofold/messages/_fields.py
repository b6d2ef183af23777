"""Fields of a message that are filled from its context and never by an untrusted door."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

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
