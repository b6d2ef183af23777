"""Answers as JSON: what the type does not promise never gets out, and nothing of it is told."""

import json
import math
import traceback
import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import InitVar, dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal, cast

import pytest
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, PlainSerializer, computed_field

from twofold.dispatch import AnswerCodec
from twofold.errors import WiringError
from twofold.messages import Page, Secret


@dataclass
class Shown:
    name: str


@dataclass
class Listing:
    total: int
    users: list[Shown]


@dataclass
class Card:
    pin: Annotated[str, Secret]


class Held(BaseModel):
    card: Card | None = None


ROW = {"name": "ada", "password_hash": "TOPSECRET"}


@pytest.mark.parametrize(
    "promised, value, expected",
    [
        (Shown, ROW, b'{"name":"ada"}'),
        (list[Shown], [ROW], b'[{"name":"ada"}]'),
        (Listing, {"total": 1, "users": [ROW]}, b'{"total":1,"users":[{"name":"ada"}]}'),
        (Listing | None, {"total": 1, "users": [ROW]}, b'{"total":1,"users":[{"name":"ada"}]}'),
        (int, "7", b"7"),
    ],
    ids=str,
)
def test_another_thing_is_brought_into_the_promised_shape_at_any_depth(
    promised: Any, value: object, expected: bytes
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert AnswerCodec(promised).dump(value) == expected


@pytest.mark.parametrize(
    "promised, value",
    [
        (int, "TOPSECRET"),
        (Listing, Listing(total=cast("Any", "TOPSECRET"), users=[])),
        (Listing, Listing(total=1, users=[cast("Any", "TOPSECRET")])),
        (Card, Card(pin=cast("Any", ["x", "TOPSECRET"]))),
        (Held, Held.model_construct(card=cast("Any", {"pin": ["TOPSECRET"]}))),
        (Listing, {"TOPSECRET": 1}),
        (Listing, Listing(total=1, users=[cast("Any", ROW)])),
        (Listing | None, Listing(total=1, users=[cast("Any", ROW)])),
        pytest.param(Annotated[float, BeforeValidator(float)], ["TOPSECRET"], id="what its validator cannot take"),
        pytest.param(
            Annotated[int, BeforeValidator({"one": 1}.pop)], "TOPSECRET", id="what its validator does not know"
        ),
    ],
    ids=str,
)
def test_one_that_cannot_be_is_an_error_that_tells_nothing_of_it(promised: Any, value: object) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(WiringError) as refused:
            AnswerCodec(promised).dump(value)
    told = "".join(traceback.format_exception(refused.value))
    assert "was answered" in told
    assert "TOPSECRET" not in told


@pytest.mark.parametrize("promised", [int, Shown, list[Shown], Held, dict[str, int]], ids=str)
def test_nothing_is_no_answer_of_another_type(promised: Any) -> None:
    """pydantic would write None as any of them."""
    with pytest.raises(WiringError, match="a NoneType was answered"):
        AnswerCodec(promised).dump(None)


@pytest.mark.parametrize("promised", [None, Shown | None, Any, object], ids=str)
def test_nothing_is_an_answer_where_it_may_be(promised: Any) -> None:
    assert AnswerCodec(promised).dump(None) == b"null"


@dataclass
class Priced:
    kind: Literal["book"] = "book"
    price: Annotated[int, Field(gt=0)] = 1
    title: Annotated[str, Field(max_length=9)] = ""


@dataclass
class Shelf:
    books: tuple[Priced, ...]
    by_id: dict[int, Listing] | None = None


class Person:
    def __init__(self, **facts: object) -> None:
        vars(self).update(facts)


@pytest.mark.parametrize(
    "promised, value, where",
    [
        (Listing, Listing(total=cast("Any", None), users=[]), "total (int_type)"),
        (list[Shown], [None], "0 (dataclass_type)"),
        (Shelf, Shelf((Priced(title=cast("Any", None)),)), "books.0.title (string_type)"),
        (Priced, Priced(kind=cast("Any", "TOPSECRET")), "kind (literal_error)"),
        (Priced, Priced(price=-5), "price (greater_than)"),
        (Page[Shown], Page(items=cast("Any", (None,)), total=1), "items.0 (dataclass_type)"),
        (Page[int], Page(items=(), total=cast("Any", None)), "total (int_type)"),
        (Page[int], {"items": [], "total": 0, "page": 0}, "it (value_error)"),
        (Shelf, Shelf((), {1: Listing(total=1, users=[cast("Any", None)])}), "by_id.*.users.0 (dataclass_type)"),
        (Held, Person(car="TOPSECRET", card=Person()), "card (dataclass_type)"),
        (Held, Held.model_construct(card=cast("Any", 1)), "another type"),
    ],
)
def test_what_is_in_an_instance_is_held_against_the_promise(promised: Any, value: object, where: str) -> None:
    """pydantic believes an instance; the error says where it is not as promised, and nothing of what is there."""
    with pytest.raises(WiringError, match="which is no") as refused:
        AnswerCodec(promised).dump(value)
    assert where in str(refused.value)
    assert "TOPSECRET" not in str(refused.value)


@pytest.mark.parametrize(
    "value", [iter(["a"]), map(str, [1]), (str(one) for one in [1])], ids=["iter", "map", "generator"]
)
@pytest.mark.parametrize("promised", [list[str], tuple[str, ...], list[Annotated[str, BeforeValidator(str)]]], ids=str)
def test_what_can_be_read_once_is_no_list(promised: Any, value: object) -> None:
    """Whoever looked at it would write an empty one."""
    with pytest.raises(WiringError, match="answer a list of it"):
        AnswerCodec(promised).dump(value)


@dataclass
class Measure:
    value: float
    before: float | None = None
    note: str = ""


class Sensor(BaseModel):
    value: float | None = None

    @computed_field
    def twice(self) -> float:
        return 2 * (self.value or 0)


@dataclass
class Gauge:
    value: Annotated[float, PlainSerializer(str)]


@dataclass
class Bill:
    total: Decimal
    paid: Decimal | None = None
    note: str = ""


@dataclass
class Noted:
    what: Any


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "promised, of",
    [
        (float, lambda number: number),
        (float | None, lambda number: number),
        (int | float, lambda number: number),
        (Measure, Measure),
        (Measure, lambda number: Measure(1, before=number)),
        (Measure, lambda number: {"value": number}),
        (Sensor, lambda number: Sensor(value=number)),
        (Page[Sensor], lambda number: Page(items=(Sensor(value=number),), total=1)),
        (list[Measure], lambda number: [Measure(number)]),
        (dict[str, float], lambda number: {"a": number}),
        (Annotated[float, AfterValidator(abs)], lambda number: number),
        (Decimal, Decimal),
        (Decimal | None, Decimal),
        (Bill, lambda number: Bill(Decimal(number))),
        (list[Bill], lambda number: [Bill(Decimal(1), paid=Decimal(number))]),
        (Annotated[Decimal, AfterValidator(abs)], Decimal),
        (Any, lambda number: number),
        (Any, lambda number: {"a": [Decimal(number)]}),
        (Any, lambda number: deque([Measure(number)])),
        (dict[str, object], lambda number: {"a": number}),
        (Noted, lambda number: Noted((number,))),
    ],
    ids=range(21),
)
def test_a_number_that_json_does_not_have_is_no_number(
    promised: Any, of: Callable[[float], object], number: float
) -> None:
    """pydantic writes null or a text for it, and readers were promised a number."""
    with pytest.raises(WiringError, match="which is no"):
        AnswerCodec(promised).dump(of(number))


@pytest.mark.parametrize(
    "promised, value, expected",
    [
        (Measure, Measure(1, note="NaN"), b'{"value":1.0,"before":null,"note":"NaN"}'),
        (list[Measure], [Measure(1)], b'[{"value":1.0,"before":null,"note":""}]'),
        (Sensor, Sensor(), b'{"value":null,"twice":0.0}'),
        (Gauge, Gauge(math.nan), b'{"value":"nan"}'),
        (Bill, Bill(Decimal("1.50"), note="NaN"), b'{"total":"1.50","paid":null,"note":"NaN"}'),
        (Annotated[Decimal, PlainSerializer(str)], Decimal("NaN"), b'"NaN"'),
        (Any, ["NaN", "Infinity", None, 1.5], b'["NaN","Infinity",null,1.5]'),
    ],
    ids=str,
)
def test_nothing_else_is_taken_for_such_a_number(promised: Any, value: object, expected: bytes) -> None:
    """Not a text or null that are promised, nor what a type has its own way to write."""
    assert AnswerCodec(promised).dump(value) == expected


class Reading(BaseModel):
    at: Annotated[int, BeforeValidator(lambda text: int(text, 16)), Field(serialization_alias="when")]
    hidden: int = Field(default=1, exclude=True)

    @computed_field
    def next(self) -> int:
        return self.at + 1


class Aliased(BaseModel):
    at: int = Field(alias="when")


class Hidden(BaseModel):
    hidden: int = Field(exclude=True)


@dataclass
class Counted:
    given: InitVar[int]
    total: int = 0

    def __post_init__(self, given: int) -> None:
        self.total += given


@pytest.mark.parametrize(
    "promised, value, expected",
    [
        (list[Aliased], [Aliased(when=1)], b'[{"at":1}]'),
        (list[Hidden], [Hidden(hidden=1)], b"[{}]"),
        (Counted, Counted(2), b'{"total":2}'),
        (Reading, Reading(at=cast("Any", "ff")), b'{"at":255,"next":256}'),
        (list[Reading], [Reading(at=cast("Any", "1"))], b'[{"at":1,"next":2}]'),
        (dict[tuple[int, int], int], {(1, 2): 3}, b'{"1,2":3}'),
        (Page[Shown], Page(items=(Shown("ada"),), total=7, page=2), None),
        (Shelf, Shelf((Priced(),), {1: Listing(total=0, users=[Shown("ada")])}), None),
        (list[Shown], [Shown("ada"), ROW], None),
    ],
    ids=str,
)
def test_what_is_promised_is_written_also_where_it_would_not_come_back(
    promised: Any, value: object, expected: bytes | None
) -> None:
    """A type with validators, serialisers, aliases or computed fields need not take again what it makes of a value."""
    codec = AnswerCodec(promised)
    written = codec.dump(value)
    assert b"TOPSECRET" not in written
    if expected is None:
        assert codec.dump(codec.load(written)) == written
    else:
        assert written == expected


@pytest.mark.parametrize(
    "promised, written, why",
    [
        (Listing, {"total": "TOPSECRET", "users": []}, "total (int_parsing)"),
        (Annotated[float, BeforeValidator(float)], ["TOPSECRET"], "a validator ended in a TypeError"),
        (Annotated[int, BeforeValidator({"one": 1}.pop)], "TOPSECRET", "in a KeyError"),
    ],
    ids=["type", "what it cannot take", "what it does not know"],
)
def test_what_cannot_be_read_again_is_an_error_that_tells_nothing_of_it(
    promised: Any, written: object, why: str
) -> None:
    with pytest.raises(WiringError, match="read again as") as refused:
        AnswerCodec(promised).load(json.dumps(written).encode())
    assert why in str(refused.value)
    assert "TOPSECRET" not in "".join(traceback.format_exception(refused.value))
