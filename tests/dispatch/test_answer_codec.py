"""Answers as JSON: what the type does not promise never gets out, and nothing of it is told."""

import traceback
import warnings
from dataclasses import dataclass
from typing import Annotated, Any, cast

import pytest
from pydantic import BaseModel

from twofold.dispatch import AnswerCodec
from twofold.errors import WiringError
from twofold.messages import Secret


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
