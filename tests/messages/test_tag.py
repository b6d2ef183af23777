"""Tags: what an event concerns is read off its fields, and nothing that has no stable text becomes one."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from twofold import Event, Tag
from twofold.errors import WiringError
from twofold.messages import MessageType


class Size(Enum):
    """A size."""

    LARGE = "l"


@dataclass(frozen=True, kw_only=True)
class Moved(Event):
    """An event with a field of each kind."""

    one: Annotated[Any, Tag("one")] = None
    many: Annotated[tuple[str, ...], Tag("many"), Tag("each")] = ()
    other: str = "other"


class Modelled(BaseModel, Event):
    """The same of a model."""

    one: Annotated[UUID | None, Tag("one")] = None


@pytest.mark.parametrize(
    "value, tag",
    [
        ("Ünï:", "one:Ünï:"),
        (7, "one:7"),
        (UUID(int=1), "one:00000000-0000-0000-0000-000000000001"),
        (date(2026, 1, 2), "one:2026-01-02"),
        (Size.LARGE, "one:l"),
    ],
)
def test_a_value_is_the_text_behind_the_name(value: object, tag: str) -> None:
    """Of texts, whole numbers, ids, dates and enumerations."""
    assert MessageType(Moved).tags(Moved(one=value)) == (tag,)


def test_nothing_gives_none_and_many_give_many() -> None:
    """Sorted, each once, under every name of the field."""
    assert MessageType(Moved).tags(Moved()) == ()
    assert MessageType(Moved).tags(Moved(many=("b", "a", "b"))) == ("each:a", "each:b", "many:a", "many:b")
    assert MessageType(Modelled).tags(Modelled(one=UUID(int=0))) == (f"one:{UUID(int=0)}",)


@pytest.mark.parametrize("value", [1.5, True, Decimal("1.0"), {"a": 1}, b"x"])
def test_what_has_several_texts_makes_no_tag(value: object) -> None:
    """It would not be found again; whoever records it is told."""
    with pytest.raises(WiringError, match=r"Moved\.one is marked as a tag"):
        MessageType(Moved).tags(Moved(one=value))


@pytest.mark.parametrize("name", ["", "Course", "a:b", "1st", "a b"])
def test_a_name_is_one_word_in_lower_case(name: str) -> None:
    """So that a tag is cut at its first colon."""
    with pytest.raises(WiringError, match="no name of a tag"):
        Tag(name)
