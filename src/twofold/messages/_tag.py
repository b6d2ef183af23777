"""Tags: what an event concerns, read off its fields. Decisions and readers find it by them, whatever its stream."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any, Final, cast
from uuid import UUID

from twofold.errors import WiringError
from twofold.messages._marks import marks_of

NAME: Final = re.compile(r"[a-z][a-z0-9_-]*")
"""What the name of a tag, and a kind of subject, is."""

_PLAIN: Final = (str, int, UUID, date)
_SEVERAL: Final = (list, tuple, set, frozenset)


@dataclass(frozen=True, slots=True)
class Tag:
    """Marks a field of an event as what it concerns: the event carries the tag `name:value` in the log.

    A field that is None gives no tag, and a list, tuple or set one for each of its items. In a `Decision` the same
    mark says which events it is made of.

    Args:
        name: What stands before the value, in lower case.

    Raises:
        WiringError: It is no such name.

    Example:
        >>> @dataclass(frozen=True, kw_only=True)
        ... class CourseDefined(Event):
        ...     course_id: Annotated[str, Tag("course")]
        ...     capacity: int
    """

    name: str

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise WiringError(
                f"{self.name!r} is no name of a tag: a letter in lower case, then letters, digits, _ or -"
            )


def tag_fields(cls: type) -> Mapping[str, tuple[str, ...]]:
    """The fields of a class that are tags: field name to the names of its tags.

    Raises:
        WiringError: An annotation of the class cannot be resolved.
    """
    return {name: tuple(mark.name for mark in marks) for name, marks in marks_of(cls, Tag).items()}


def tags_of(thing: object, marked: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The tags of an object, sorted.

    Args:
        thing: An event, or a decision.
        marked: Which of its fields are tags.

    Raises:
        WiringError: A field has a value that makes no tag.
    """
    tags: set[str] = set()
    for field, names in marked.items():
        for value in _items(getattr(thing, field)):
            text = _text(value, thing, field)
            tags.update(f"{name}:{text}" for name in names)
    return tuple(sorted(tags))


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, _SEVERAL):
        return cast("Iterable[Any]", value)
    return () if value is None else (value,)


def _text(value: Any, thing: object, field: str) -> str:
    plain = value.value if isinstance(value, Enum) else value
    if not isinstance(plain, _PLAIN) or isinstance(plain, bool):
        kind = type(value).__qualname__
        raise WiringError(f"{type(thing).__qualname__}.{field} is marked as a tag, and a {kind} makes none")
    return str(plain)
