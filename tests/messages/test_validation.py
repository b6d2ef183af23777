"""What comes from outside is checked and normalised; every finding names its field and shows no value."""

import json
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import pytest
from pydantic import AfterValidator, BaseModel, Field, field_validator

from twofold.errors import Finding, Invalid
from twofold.messages import Command, MessageType


def _strong(password: str) -> str:
    if len(password) < 8:
        raise ValueError("must have 8 characters")
    return password


WEAK = b'{"email": "ada@example.com", "password": "hunter2"}'
Email = Annotated[str, AfterValidator(str.lower), Field(pattern="@")]
Password = Annotated[str, AfterValidator(_strong)]


@dataclass(frozen=True, kw_only=True)
class Line:
    """Part of a message."""

    quantity: int

    def __post_init__(self) -> None:
        if self.quantity < 1:
            raise Invalid("must be at least 1", field="quantity")


@dataclass(frozen=True, kw_only=True)
class Register(Command[None]):
    """A dataclass."""

    email: Email
    password: Password
    lines: tuple[Line, ...] = ()


class RegisterModel(BaseModel, Command[None]):
    """A model."""

    email: Email
    password: Password

    @field_validator("email")
    @classmethod
    def _known(cls, email: str) -> str:
        if email.endswith(".invalid"):
            raise Invalid("nobody lives there")
        return email


@dataclass(frozen=True, kw_only=True)
class Range(Command[None]):
    """Checks itself, with two findings at once."""

    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise Invalid(
                findings=[Finding(path=("low",), message="too high"), Finding(path=("high",), message="too low")]
            )


def refused(call: Callable[[], object]) -> list[tuple[str, str, str]]:
    """The findings of a call that is refused: field, rule, text."""
    with pytest.raises(Invalid) as raised:
        call()
    return [(finding.field, finding.rule, finding.message) for finding in raised.value.findings]


@pytest.mark.parametrize("cls", [Register, RegisterModel])
def test_fields_are_normalised(cls: type[Register | RegisterModel]) -> None:
    """An address comes out in lower case, whichever kind of class it is in."""
    message = MessageType(cls).parse('{"email": "Ada@Example.COM", "password": "long enough"}')
    assert message.email == "ada@example.com"


def test_a_message_made_in_code_is_normalised_too() -> None:
    """A plain dataclass checks nothing by itself; its codec does."""
    made = Register(email="Ada@Example.COM", password="long enough")
    assert MessageType(Register).validate(made).email == "ada@example.com"


def test_a_model_made_without_checks_is_checked() -> None:
    """Nobody gets past the validators by `model_construct`."""
    made = RegisterModel.model_construct(email="ada", password="x")
    assert {field for field, _, _ in refused(lambda: MessageType(RegisterModel).validate(made))} == {
        "email",
        "password",
    }


@pytest.mark.parametrize("cls", [Register, RegisterModel])
def test_every_finding_is_told_at_once(cls: type[Register | RegisterModel]) -> None:
    """Not one mistake per attempt."""
    found = refused(lambda: MessageType(cls).parse('{"email": "ada", "extra": 1}'))
    assert {field: rule for field, rule, _ in found} == {
        "email": "string_pattern_mismatch",
        "password": "missing",
        "extra": "extra_forbidden" if cls is RegisterModel else "unexpected_keyword_argument",
    }


def test_broken_json_is_a_finding_about_the_whole() -> None:
    """Not a crash."""
    assert [(field, rule) for field, rule, _ in refused(lambda: MessageType(Register).parse("{"))] == [
        ("", "json_invalid")
    ]


@pytest.mark.parametrize("cls", [Register, RegisterModel])
@pytest.mark.parametrize("check", ["parse", "validate"])
def test_values_are_never_shown(cls: type[Register | RegisterModel], check: str) -> None:
    """A password that is too short is still a password, in the findings and in the traceback."""
    codec = MessageType(cls)
    with pytest.raises(Invalid) as raised:
        codec.parse(WEAK) if check == "parse" else codec.validate(json.loads(WEAK))
    shown = "".join(traceback.format_exception(raised.value)) + repr(raised.value.findings)
    assert "must have 8 characters" in shown
    assert "hunter2" not in shown


def test_an_invalid_of_post_init_is_a_finding_of_its_own_field() -> None:
    """And not a crash, and not a finding about the whole."""
    found = refused(
        lambda: MessageType(Register).parse(
            '{"email": "a@b", "password": "long enough", "lines": [{"quantity": 1}, {"quantity": 0}]}'
        )
    )
    assert found == [("lines.1.quantity", "invalid", "must be at least 1")]


def test_all_findings_of_one_invalid_are_kept() -> None:
    """A check over two fields may blame both."""
    found = refused(lambda: MessageType(Range).parse('{"low": 2, "high": 1}'))
    assert [field for field, _, _ in found] == ["low", "high"]


def test_an_invalid_of_a_validator_is_a_finding_of_the_field() -> None:
    """Where pydantic found it."""
    found = refused(lambda: MessageType(RegisterModel).parse('{"email": "a@b.invalid", "password": "long enough"}'))
    assert found == [("email", "invalid", "nobody lives there")]
