"""Encoding and decoding: whatever a message may hold comes back as it was."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any, Generic, TypeVar
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from twofold.clock import new_id
from twofold.errors import Invalid, Undecodable, WiringError
from twofold.messages import Command, Event, Kind, MessageType

T = TypeVar("T")


class Colour(StrEnum):
    """An enumeration of strings."""

    RED = "red"


class Level(Enum):
    """An enumeration of numbers."""

    HIGH = 2


@dataclass(frozen=True)
class Line:
    """A dataclass inside a message, without a base of twofold."""

    sku: str
    price: Decimal


class Address(BaseModel):
    """A model inside a message."""

    city: str


@dataclass(frozen=True, kw_only=True)
class Everything(Event):
    """A dataclass with every kind of field."""

    id: UUID
    total: Decimal
    at: datetime
    day: date
    lasts: timedelta
    colour: Colour
    level: Level
    raw: bytes
    lines: tuple[Line, ...]
    address: Address
    counts: dict[str, int]
    anything: Any
    maybe: int | None = None


class Model(BaseModel, Command[UUID]):
    """A model as a message."""

    id: UUID
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Change(Generic[T]):
    """Something generic."""

    before: T
    after: T


@dataclass(frozen=True, kw_only=True)
class PriceChanged(Event):
    """A message with a generic field."""

    price: Change[Decimal]


class Valued(BaseModel, Event, Generic[T]):
    """A generic model."""

    value: T


class Priced(Valued[Decimal]):
    """A closed one."""


everything = st.builds(
    Everything,
    id=st.uuids(),
    total=st.decimals(allow_nan=False, allow_infinity=False),
    at=st.datetimes(timezones=st.just(UTC)),
    day=st.dates(),
    lasts=st.timedeltas(timedelta(days=-1000), timedelta(days=1000)),
    colour=st.sampled_from(Colour),
    level=st.sampled_from(Level),
    raw=st.binary(),
    lines=st.lists(st.builds(Line, st.text(), st.decimals(-100, 100, places=2))).map(tuple),
    address=st.builds(Address, city=st.text()),
    counts=st.dictionaries(st.text(), st.integers(-(2**53), 2**53)),
    anything=st.none() | st.booleans() | st.text() | st.lists(st.integers(-(2**53), 2**53)),
    maybe=st.none() | st.integers(-(2**53), 2**53),
)


@given(everything)
def test_a_dataclass_comes_back_as_it_was(message: Everything) -> None:
    """To the last digit and byte."""
    codec = MessageType(Everything)
    assert codec.decode(codec.encode(message)) == message


def test_a_model_comes_back_as_it_was() -> None:
    """The same for pydantic's own classes."""
    codec = MessageType(Model)
    message = Model(id=new_id(), lines=(Line("a", Decimal("1.10")),))
    assert codec.decode(codec.encode(message)) == message
    assert codec.kind is Kind.COMMAND


def test_a_generic_field_comes_back_as_it_was() -> None:
    """A parameter that is given is known to the codec."""
    codec = MessageType(PriceChanged)
    message = PriceChanged(price=Change(before=Decimal("1.10"), after=Decimal("1.20")))
    assert codec.decode(codec.encode(message)) == message


def test_a_closed_generic_model_comes_back_as_it_was() -> None:
    """A model that fixes the parameter of its base knows what its field is."""
    codec = MessageType(Priced)
    message = Priced(value=Decimal("1.10"))
    assert codec.decode(codec.encode(message)) == message


def test_a_dataclass_with_an_open_field_is_a_fault() -> None:
    """pydantic forgets the parameter that a subclass gives, and would decode a Decimal as text."""

    @dataclass(frozen=True, kw_only=True)
    class StatusChanged(Change[Decimal], Event):
        pass

    with pytest.raises(WiringError, match="StatusChanged cannot be encoded: the type of its field 'before' is open"):
        _ = MessageType(StatusChanged).adapter


def test_a_plain_dataclass_does_as_well() -> None:
    """No base class of twofold is needed, only somebody who says what it is."""
    codec = MessageType(Line, Kind.EVENT)
    assert codec.decode(codec.encode(Line("a", Decimal(1)))) == Line("a", Decimal(1))


def test_decoding_what_does_not_fit_is_corrupt_and_shows_no_value() -> None:
    """The log may hold what it should not, but an error must not spread it."""
    with pytest.raises(Undecodable) as raised:
        MessageType(Model).decode(b'{"id": "not-a-uuid-but-a-secret"}')
    assert "id" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_an_event_may_have_grown_a_field_that_this_process_does_not_know() -> None:
    """An older reader passes over what a newer writer added."""
    assert MessageType(Priced).decode(b'{"value": "1.10", "reason": "new"}').value == Decimal("1.10")
    line = MessageType(Line, Kind.EVENT).decode(b'{"sku": "a", "price": "1", "reason": "new"}')
    assert line == Line("a", Decimal(1))


def test_a_field_that_no_codec_knows_is_a_fault() -> None:
    """It is named before anything runs, not when the first one is encoded."""

    class Opaque:
        pass

    @dataclass
    class Holds(Event):
        thing: Opaque

    with pytest.raises(WiringError, match="Holds cannot be encoded"):
        _ = MessageType(Holds).adapter


def test_an_annotation_that_leads_nowhere_is_a_fault() -> None:
    """A name that was never imported, say."""

    @dataclass
    class Holds(Event):
        thing: "Nowhere"  # type: ignore[name-defined]  # noqa: F821  # that is the point

    with pytest.raises(WiringError, match="Holds cannot be encoded"):
        _ = MessageType(Holds).adapter


def test_a_class_without_fields_to_read_is_a_fault() -> None:
    """Its constructor may take anything."""

    class Bare:
        pass

    with pytest.raises(WiringError, match="neither a dataclass nor a pydantic model"):
        _ = MessageType(Bare, Kind.EVENT).adapter


def test_the_schema_names_the_fields() -> None:
    """For documents of the API."""
    assert set(MessageType(Model).schema()["properties"]) == {"id", "lines"}


@dataclass(frozen=True, kw_only=True)
class Measured(Event):
    """One with a number that JSON has no word for."""

    value: float
    before: float | None = None
    each: dict[tuple[int, int], int] | None = None


@pytest.mark.parametrize("text", ["nan", "NaN", "Infinity", "-inf"])
def test_a_text_is_no_way_to_a_number_that_json_does_not_have(text: str) -> None:
    """Nor is one by code: it is refused where it comes in, and where it would be recorded."""
    kind = MessageType(Measured)
    with pytest.raises(Invalid, match="finite number"):
        kind.parse(f'{{"value": "{text}"}}')
    for event in (Measured(value=float(text)), Measured(value=1, before=float(text))):
        with pytest.raises(WiringError, match="Measured is recorded, and could not be read again"):
            kind.record(event)


class Reading(BaseModel):
    """A model with settings of its own, which allow any number."""

    value: float | None = None


@dataclass(frozen=True, kw_only=True)
class Noted(Event):
    """One that leaves open what is in it."""

    reading: Reading | None = None
    beside: Any = None


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "of",
    [
        lambda number: Noted(reading=Reading(value=number)),
        lambda number: Noted(beside=number),
        lambda number: Noted(beside={"a": [number]}),
        lambda number: Noted(beside={"a": (number, None), "b": {number}}),
        lambda number: Noted(beside=Reading(value=number)),
    ],
    ids=range(5),
)
def test_no_number_comes_back_as_something_else(of: Callable[[float], Noted], number: float) -> None:
    """pydantic would write null, which is read as nothing at all."""
    with pytest.raises(WiringError, match="Noted is recorded, and JSON has nothing for its NaN"):
        MessageType(Noted).record(of(number))


@pytest.mark.parametrize(
    "event",
    [
        Noted(),
        Noted(reading=Reading(), beside={"NaN": "Infinity", "null": None}),
        Noted(beside=[1.5, (None, datetime(2026, 1, 1, tzinfo=UTC)), {True}]),
    ],
    ids=range(3),
)
def test_what_only_looks_like_such_a_number_is_recorded(event: Noted) -> None:
    """Also where it comes back in another form."""
    MessageType(Noted).decode(MessageType(Noted).record(event))


def test_what_has_a_form_in_json_and_no_way_back_is_not_recorded() -> None:
    """Keys that are tuples become texts."""
    with pytest.raises(WiringError, match="could not be read again: each"):
        MessageType(Measured).record(Measured(value=1, each={(1, 2): 3}))
    with pytest.raises(WiringError, match="cannot be written"):
        MessageType(Measured).record(Measured(value=object()))  # type: ignore[arg-type]  # the mistake


def test_a_class_may_allow_what_json_does_not_have() -> None:
    """By its own settings; then it comes back as it was."""

    class Allowed(Measured):
        __pydantic_config__ = ConfigDict(allow_inf_nan=True)

    kind = MessageType(dataclass(frozen=True, kw_only=True)(Allowed))
    again = kind.decode(kind.record(Allowed(value=float("inf"), before=float("-inf"))))
    assert (again.value, again.before) == (float("inf"), float("-inf"))
    assert math.isnan(kind.decode(kind.record(Allowed(value=float("nan")))).value)
