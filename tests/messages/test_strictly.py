"""Writing as JSON what is as its type says, and refusing all else, however little is asked of pydantic for it."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, TypeAdapter, computed_field
from pydantic_core import PydanticSerializationError, core_schema

from twofold.messages import Command, Secret, strict_writer


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, kw_only=True)
class Flat:
    id: UUID
    name: Annotated[str, AfterValidator(str.strip), Field(max_length=1000)] = "nobody"
    count: int = 0
    share: float = 0.5
    paid: bool = False
    price: Decimal = Decimal("1.50")
    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    day: date | None = None
    colour: Colour | None = Colour.RED


class FlatModel(BaseModel):
    id: UUID
    name: str | None = None


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    id: int


@dataclass
class Line:
    sku: str


@dataclass
class Deep:
    lines: list[Line] = field(default_factory=list[Line])


class Counted(BaseModel):
    id: int

    @computed_field
    def doubled(self) -> int:
        return cast("int", "not a number" if self.id == 7 else self.id * 2)


@dataclass
class Told:
    name: Annotated[str, PlainSerializer(Line, return_type=str)]


@dataclass(frozen=True, kw_only=True)
class SignIn(Command[None]):
    user: str
    password: Annotated[str, Secret]


class Numbered(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, int]
    id: int


class Worded:
    """A number that is written as a text, by no function."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.int_schema(serialization=core_schema.to_string_ser_schema())


class Grown(FlatModel):
    more: str = "?"


A = UUID(int=10)
FLAT = st.builds(
    Flat,
    id=st.uuids(),
    name=st.text(st.characters(exclude_categories=["Cs"])),
    count=st.integers(),
    share=st.floats(allow_nan=False),
    paid=st.booleans(),
    price=st.decimals(allow_nan=False, allow_infinity=False),
    at=st.datetimes(timezones=st.just(UTC)),
    day=st.none() | st.dates(),
    colour=st.none() | st.sampled_from(Colour),
)


def spied(kind: Any) -> tuple[TypeAdapter[Any], list[object]]:
    """An adapter that notes what pydantic is told of warnings."""
    real, told = TypeAdapter(kind), list[object]()

    class Serializer:
        def to_json(self, value: object, *, context: object, warnings: object) -> bytes:
            told.append(warnings)
            return real.serializer.to_json(value, context=context, warnings=cast("Any", warnings))

    class Adapter:
        serializer = Serializer()
        core_schema = real.core_schema

    return cast("TypeAdapter[Any]", Adapter()), told


@given(FLAT)
def test_what_is_plainly_of_its_type_is_written_as_pydantic_writes_it(value: Flat) -> None:
    adapter, told = spied(Flat)
    assert strict_writer(adapter)(value) == TypeAdapter(Flat).dump_json(value, warnings="error")
    assert told == [False]


@pytest.mark.parametrize(
    "kind, value",
    [
        (FlatModel, FlatModel(id=A)),
        (Open, Open.model_validate({"id": 1, "more": "x"})),
        (UUID, A),
        (None, None),
        (str | None, "x"),
        (FlatModel | None, None),
        (FlatModel | None, FlatModel(id=A)),
        (Annotated[int, Field(gt=0)], 1),
        (Colour, Colour.BLUE),
    ],
    ids=str,
)
def test_so_are_models_and_single_values(kind: Any, value: object) -> None:
    adapter, told = spied(kind)
    assert strict_writer(adapter)(value) == TypeAdapter[Any](kind).dump_json(value, warnings="error")
    assert told == [False]


@pytest.mark.parametrize(
    "kind, value",
    [
        (Deep, Deep([Line("a"), Line("b")])),
        (Counted, Counted(id=1)),
        (Numbered, Numbered.model_validate({"id": 1, "more": 2})),
        (Annotated[int, Worded], 1),
        (FlatModel, Grown(id=A)),
        (FlatModel | None, Grown(id=A)),
        (list[int], [1, 2]),
        (int | str, "x"),
        (float, 1),
    ],
    ids=str,
)
def test_where_a_look_is_not_enough_pydantic_is_asked(kind: Any, value: object) -> None:
    adapter, told = spied(kind)
    assert strict_writer(adapter)(value) == TypeAdapter[Any](kind).dump_json(value, warnings="error")
    assert told == ["error"]


@pytest.mark.parametrize(
    "kind, value",
    [
        (Flat, Flat(id=A, name=cast("Any", SignIn(user="ada", password="leaked")))),
        (Flat, Flat(id=A, count=cast("Any", "1"))),
        (Flat, Flat(id=A, paid=cast("Any", "leaked"))),
        (Flat, Flat(id=A, day=cast("Any", "2026-01-01"))),
        (Flat, Flat(id=A, colour=cast("Any", "red"))),
        (Flat, SignIn(user="ada", password="leaked")),
        (FlatModel, FlatModel.model_construct(id=A, name=["leaked"])),
        (Deep, Deep([cast("Any", SignIn(user="ada", password="leaked"))])),
        (Counted, Counted(id=7)),
        (Told, Told("leaked")),
        (UUID, "leaked"),
        (Flat | None, SignIn(user="ada", password="leaked")),
        (FlatModel | None, FlatModel.model_construct(id=A, name=["leaked"])),
        (None, "leaked"),
        (Colour, "red"),
    ],
    ids=str,
)
def test_what_is_not_of_its_type_is_refused(kind: Any, value: object) -> None:
    with pytest.raises(PydanticSerializationError):
        strict_writer(TypeAdapter[Any](kind))(value)


def test_what_lacks_a_field_is_not_taken_for_plain() -> None:
    value = FlatModel(id=A)
    del value.__dict__["name"]
    adapter, told = spied(FlatModel)
    assert strict_writer(adapter)(value)
    assert told == ["error"]


def test_a_serialiser_that_is_known_needs_no_second_look_and_another_one_does() -> None:
    def hidden(value: object, write: Any, info: Any) -> object:
        return "***" if info.context == "hide" else write(value)

    class Hidden:
        @classmethod
        def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
            schema = handler(source)
            written = core_schema.wrap_serializer_function_ser_schema(hidden, info_arg=True, schema=schema)
            return cast("core_schema.CoreSchema", {**schema, "serialization": written})

    @dataclass
    class Card:
        number: Annotated[str, Hidden]

    for known, expected in ((hidden, [False, False]), (None, ["error", "error"])):
        adapter, told = spied(Card)
        write = strict_writer(adapter, known)
        assert write(Card("4111"), "hide") == b'{"number":"***"}'
        assert write(Card("4111")) == b'{"number":"4111"}'
        assert told == expected
