"""How strictly a message is read: as pydantic does unless it says otherwise, and what it says is all that changes."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Strict, StrictInt, with_config

from twofold.errors import Invalid
from twofold.messages import Command, Event, Kind, MessageType

BODY = '{"count": "5", "paid": "yes"}'


@dataclass(frozen=True, kw_only=True)
class Lax(Command[None]):
    count: int
    paid: bool


@dataclass(frozen=True, kw_only=True)
class StrictFields(Command[None]):
    count: StrictInt
    paid: Annotated[bool, Strict()]


@dataclass(frozen=True, kw_only=True)
class StrictWhole(Command[None]):
    __pydantic_config__ = ConfigDict(strict=True)
    count: int
    paid: bool


@with_config(ConfigDict(strict=True))
@dataclass(frozen=True, kw_only=True)
class StrictDecorated(Command[None]):
    count: int
    paid: bool


@with_config(ConfigDict(strict=True))
@dataclass(frozen=True, kw_only=True)
class StrictPlain:
    count: int
    paid: bool


class StrictModel(BaseModel, Command[None]):
    model_config = ConfigDict(strict=True)
    count: int
    paid: bool


STRICT = [StrictFields, StrictWhole, StrictDecorated, StrictPlain, StrictModel]


def test_a_text_that_means_a_number_is_taken_for_one() -> None:
    """As pydantic does by default, and so every framework that is built on it."""
    assert MessageType(Lax).parse(BODY) == Lax(count=5, paid=True)


@pytest.mark.parametrize("cls", STRICT)
def test_a_strict_message_takes_only_what_it_says(cls: type) -> None:
    """Field by field or as a whole, dataclass or model, with a base class or without."""
    codec: MessageType[Any] = MessageType(cls, Kind.COMMAND)
    with pytest.raises(Invalid) as raised:
        codec.parse(BODY)
    assert [(one.field, one.rule) for one in raised.value.findings] == [("count", "int_type"), ("paid", "bool_type")]
    message = codec.parse('{"count": 5, "paid": true}')
    assert codec.validate(message) == message == cls(count=5, paid=True)
    with pytest.raises(Invalid):
        codec.validate({"count": "5", "paid": True})


@pytest.mark.parametrize("cls", STRICT)
def test_a_message_with_settings_of_its_own_keeps_the_others(cls: type) -> None:
    """Unknown fields stay refused, and an instance is checked again."""
    codec: MessageType[Any] = MessageType(cls, Kind.COMMAND)
    with pytest.raises(Invalid, match="extra"):
        codec.parse('{"count": 5, "paid": true, "extra": 1}')
    made = cls(count=5, paid=True)
    object.__setattr__(made, "count", "5")
    with pytest.raises(Invalid):
        codec.validate(made)


@dataclass(frozen=True, kw_only=True)
class Measured(Event):
    __pydantic_config__ = ConfigDict(strict=True)
    id: UUID
    day: date
    took: timedelta
    weight: Decimal
    picture: bytes
    marks: tuple[int, ...]
    seen: frozenset[str]


def test_a_strict_event_comes_out_of_the_log_as_it_went_in() -> None:
    """Types that JSON has no form for are texts there, and are read back from these."""
    codec = MessageType(Measured)
    event = Measured(
        id=UUID(int=7),
        day=date(2026, 1, 2),
        took=timedelta(minutes=90),
        weight=Decimal("1.50"),
        picture=b"\x00\xff",
        marks=(1, 2),
        seen=frozenset({"a"}),
    )
    assert codec.decode(codec.encode(event)) == event
    assert codec.decode(codec.encode(event)[:-1] + b', "later": 1}') == event
