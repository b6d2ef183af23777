"""What comes from outside is checked and normalised; every finding names its field and shows no value."""

import json
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from ipaddress import IPv4Address
from re import Pattern
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    ByteSize,
    Field,
    HttpUrl,
    ImportString,
    Json,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from twofold.errors import Finding, Invalid
from twofold.messages import Command, MessageType, Secret, is_telling


def _strong(password: str) -> str:
    if len(password) < 8:
        raise ValueError("must have 8 characters")
    return password


RUNES = "ᚠᚢᚦᚨᚱᚲ"
"""No message has one of these letters by itself."""
WORD = "zqxzq"


class Weekday(StrEnum):
    """A closed set."""

    MONDAY = "monday"


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


@dataclass(frozen=True, kw_only=True)
class Cat:
    """One of two that a tag tells apart."""

    kind: Literal["cat"]


@dataclass(frozen=True, kw_only=True)
class Dog:
    """The other one."""

    kind: Literal["dog"]


@pytest.mark.parametrize(
    "hint, value, told",
    [
        (UUID, RUNES, "Input should be a valid UUID"),
        (bytes, RUNES, "Data should be valid base64"),
        (ZoneInfo, RUNES, "invalid timezone"),
        (ByteSize, f"1 {WORD}", "could not interpret byte unit"),
        (ImportString, WORD, "Invalid python path"),
        (
            Annotated[Cat | Dog, Field(discriminator="kind")],
            {"kind": RUNES},
            "Input tag found using 'kind' is none of the expected tags: 'cat', 'dog'",
        ),
        (int, RUNES, "Input should be a valid integer, unable to parse string as an integer"),
        (float, RUNES, "Input should be a valid number, unable to parse string as a number"),
        (bool, RUNES, "Input should be a valid boolean, unable to interpret input"),
        (Decimal, RUNES, "Input should be a valid decimal"),
        (date, RUNES, "Input should be a valid date"),
        (datetime, RUNES, "Input should be a valid datetime"),
        (time, RUNES, "Input should be in a valid time format"),
        (timedelta, RUNES, "Input should be a valid duration"),
        (Literal["a"], RUNES, "Input should be 'a'"),
        (Weekday, RUNES, "Input should be 'monday'"),
        (HttpUrl, RUNES, "Input should be a valid URL"),
        (HttpUrl, f"{WORD}://a", "URL scheme should be"),
        (IPv4Address, RUNES, "Input is not a valid IPv4 address"),
        (Pattern[str], f"({RUNES}", "Input should be a valid regular expression"),
        (Fraction, RUNES, "Input is not a valid fraction"),
        (Json, RUNES, "Invalid JSON"),
        (Annotated[str, Field(max_length=3)], RUNES, "String should have at most 3 characters"),
        (tuple[int, ...], RUNES, "Input should be a valid array"),
        (dict[str, int], RUNES, "Input should be an object"),
    ],
    ids=str,
)
def test_no_rule_of_pydantic_quotes_what_was_sent(hint: Any, value: Any, told: str) -> None:
    """Not one character of it, whatever type it does not fit."""

    @dataclass(frozen=True, kw_only=True)
    class Sent(Command[None]):
        value: hint

    texts = [text for _, _, text in refused(lambda: MessageType(Sent).parse(json.dumps({"value": value})))]
    assert texts[0].startswith(told)
    assert not {*RUNES} & set("".join(texts))
    assert WORD not in "".join(texts)


def test_words_of_a_rule_of_ones_own_stay() -> None:
    """An application chooses what it tells."""

    def unknown(code: str) -> str:
        raise PydanticCustomError("unknown_code", "there is no {code}", {"code": code})

    @dataclass(frozen=True, kw_only=True)
    class Sent(Command[None]):
        code: Annotated[str, AfterValidator(unknown)]

    assert refused(lambda: MessageType(Sent).parse('{"code": "c7"}')) == [("code", "unknown_code", "there is no c7")]


@dataclass(frozen=True, kw_only=True)
class Card:
    """Has a secret, which no name tells of."""

    digits: Annotated[str, Secret]


def _quoting(value: Any) -> Any:
    """A rule that repeats whatever it is asked about."""
    plain = getattr(value, "get_secret_value", lambda: value)()
    raise ValueError(f"{plain} is not good, {plain}".replace("Z", "z"))


@dataclass(frozen=True, kw_only=True)
class Door:
    """Has a secret, of which its name tells, with a number behind it."""

    pin_1: Annotated[str, AfterValidator(_quoting)]


@pytest.mark.parametrize(
    "hint, value",
    [
        (Annotated[str, Secret, AfterValidator(_quoting)], "ZQXZQ"),
        (Annotated[str, AfterValidator(_quoting), Secret], "ZQXZQ"),
        (Annotated[str | None, Secret, AfterValidator(_quoting)], "ZQXZQ"),
        (list[Annotated[str, Secret, AfterValidator(_quoting)]], ["ZQXZQ"]),
        (dict[str, Annotated[str, Secret, AfterValidator(_quoting)]], {"a": "ZQXZQ"}),
        (tuple[int, Annotated[str, Secret, AfterValidator(_quoting)]], [1, "ZQXZQ"]),
        (Annotated[int, Secret, AfterValidator(_quoting)], 123456),
        (Annotated[int, Secret, AfterValidator(_quoting)], 7),
        (Annotated[SecretStr, AfterValidator(_quoting)], "ZQXZQ"),
        (Door, {"pin_1": "ZQXZQ"}),
        (Annotated[Any, AfterValidator(_quoting), Secret], "ZQXZQ"),
    ],
)
def test_a_rule_of_ones_own_tells_no_secret(hint: Any, value: Any) -> None:
    """Where the field is marked, or named so, at any depth: in its words the value is hidden."""

    @dataclass(frozen=True, kw_only=True)
    class Sent(Command[None]):
        value: hint

    ((_, rule, text),) = refused(lambda: MessageType(Sent).parse(json.dumps({"value": value})))
    assert (rule, text) == ("value_error", "*** is not good, ***")


@pytest.mark.parametrize(
    "name",
    [
        "password2",
        "newPassword1",
        "mypasswd",
        "pwd",
        "pin_1",
        "passcode",
        "otp",
        "cvc",
        "access_tokens",
        "X-Api-Key",
        "signing_key",
        "jwt",
        "cardNumber",
        "card_num",
        "ssn",
    ],
)
def test_a_name_tells_of_a_secret(name: str) -> None:
    """Also with a number behind it, as the second time that something is typed has."""
    assert is_telling(name)


@pytest.mark.parametrize(
    "name", ["pinned", "option", "spin", "secretary", "tokenizer", "cvcode", "passwordless", "card"]
)
def test_a_name_that_only_resembles_one_tells_of_none(name: str) -> None:
    """It would be hidden for nothing."""
    assert not is_telling(name)


def test_an_invalid_inside_tells_no_secret_either() -> None:
    """The finding that it brings is about a secret of the whole, by its own path."""

    def worn(card: str) -> str:
        raise Invalid(f"{card} is worn", field="digits")

    @dataclass(frozen=True, kw_only=True)
    class Sent(Command[None]):
        card: Annotated[Card | str, AfterValidator(worn)]

    told = refused(lambda: MessageType(Sent).parse(json.dumps({"card": "zqxzq"})))
    assert told == [("card.digits", "invalid", "*** is worn")]


class Signed(BaseModel, Command[None]):
    """A model with a rule about the whole of it."""

    password: str
    code: SecretStr = SecretStr("")
    cards: list[Card] = []
    login: str = ""

    @model_validator(mode="after")
    def differ(self) -> "Signed":
        """Quote all there is."""
        quoted = [self.password, self.code.get_secret_value(), *(card.digits for card in self.cards), self.login]
        raise ValueError(" ".join(filter(None, quoted)))


@dataclass(frozen=True, kw_only=True)
class SignedToo(Command[None]):
    """The same of a dataclass."""

    password: str
    cards: tuple[Card, ...] = ()
    login: str = ""

    def __post_init__(self) -> None:
        quoted = [self.password, *(card.digits for card in self.cards), self.login]
        raise Invalid(" ".join(quoted), field="login")


def test_a_rule_about_the_whole_tells_no_secret_of_it() -> None:
    """Neither does one of a model, nor `__post_init__`, nor is it told of a message that is sent in code."""
    sent: dict[str, Any] = {"password": "hunter22", "cards": [{"digits": "zqxzq"}], "login": "ada"}
    body = json.dumps(sent | {"code": "qzxqz"})
    assert refused(lambda: MessageType(Signed).parse(body)) == [("", "value_error", "*** *** *** ada")]
    assert refused(lambda: MessageType(SignedToo).parse(json.dumps(sent))) == [("login", "invalid", "*** *** ada")]
    made = Signed.model_construct(**sent | {"code": SecretStr("qzxqz"), "cards": [Card(digits="zqxzq")]})
    assert refused(lambda: MessageType(Signed).validate(made)) == [("", "value_error", "*** *** *** ada")]


def test_who_sends_too_much_is_not_told_what_a_rule_about_the_whole_says() -> None:
    """Looking for secrets in its words would keep everybody waiting."""

    @dataclass(frozen=True, kw_only=True)
    class Sent(Command[None]):
        numbers: tuple[int, ...]
        password: str

        def __post_init__(self) -> None:
            raise ValueError(f"{self.password} is too weak")

    def told(amount: int) -> Any:
        body = json.dumps({"numbers": list(range(amount)), "password": "zqxzq"})
        return refused(lambda: MessageType(Sent).parse(body))

    assert told(100) == [("", "value_error", "*** is too weak")]
    assert told(20_000) == [("", "value_error", "is not as a rule demands")]


def test_a_field_is_no_secret_for_what_stands_beside_it() -> None:
    """Its rule keeps its words."""

    @dataclass(frozen=True, kw_only=True)
    class Sent(Command[None]):
        password: str
        name: Annotated[str, AfterValidator(_quoting)]

    body = json.dumps({"password": "zqxzq", "name": "ada"})
    assert refused(lambda: MessageType(Sent).parse(body)) == [("name", "value_error", "ada is not good, ada")]


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
