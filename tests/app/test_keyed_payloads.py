"""What makes two commands with a key the same: all that their sender said, also what JSON does not show of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, PlainSerializer, SecretStr

from twofold import App, Command, FromContext, Module
from twofold.errors import KeyConflict

pytestmark = pytest.mark.anyio


class _Opaque:
    """What is no data to pydantic."""

    def __init__(self, text: str) -> None:
        self.text = text


@dataclass(frozen=True, kw_only=True)
class _Card:
    number: SecretStr


class _Model(BaseModel, frozen=True):
    number: SecretStr = SecretStr("")
    left_out: str = Field(exclude=True, default="")


@dataclass(frozen=True, kw_only=True)
class Varied(Command[int]):
    """A command whose JSON does not show all of it."""

    tokens: frozenset[SecretStr] = frozenset()
    cards: frozenset[_Card] = frozenset()
    models: tuple[_Model, ...] = ()
    names: Mapping[SecretStr, int] = field(default_factory=dict[SecretStr, int])
    left_out: Annotated[str, Field(exclude=True)] = ""
    masked: Annotated[str, PlainSerializer(lambda _: "***")] = ""
    anything: Any = None
    opaque: Annotated[Any, PlainSerializer(lambda _: "***")] = None
    request: Annotated[str, FromContext("correlation_id"), Field(exclude=True)] = ""


def _varied(options: Mapping[str, Any] | None = None) -> App:
    module, runs = Module("varied"), list[Varied]()

    async def vary(command: Varied) -> int:
        runs.append(command)
        return len(runs)

    module.register(Varied, vary, **(options or {}))
    return App("varied", modules=[module], database="memory:")


@pytest.mark.parametrize(
    "make",
    [
        lambda text: {"tokens": frozenset({SecretStr(text), SecretStr("c")})},
        lambda text: {"cards": frozenset({_Card(number=SecretStr(text))})},
        lambda text: {"models": (_Model(number=SecretStr(text)),)},
        lambda text: {"models": (_Model(left_out=text),)},
        lambda text: {"names": {SecretStr(text): 1}},
        lambda text: {"left_out": text},
        lambda text: {"masked": text},
        lambda text: {"anything": {"cards": [_Card(number=SecretStr(text))]}},
        lambda text: {"anything": {SecretStr(text)}},
        lambda text: {"opaque": _Opaque(text)},
    ],
    ids=["set", "set of records", "model", "left out of a part", "name", "left out", "masked", "deep", "any", "opaque"],
)
async def test_what_json_does_not_show_is_a_part_of_the_payload(
    make: Callable[[str], dict[str, Any]],
) -> None:
    """However deep it is: the same is the same, and something else is a conflict."""
    async with _varied() as app:
        caller = app.caller(idempotency_key="k-1")
        told = [await caller.execute(Varied(request=text, **make("a"))) for text in ("r-1", "r-2")]
        assert [result.unwrap() for result in told] == [1, 1]
        assert isinstance((await caller.execute(Varied(**make("b")))).error, KeyConflict)


@pytest.mark.parametrize(
    "key",
    [("tokens",), ("left_out",), lambda command: command.tokens, lambda command: {"of": [*command.tokens]}],
    ids=["fields", "left out", "function", "deep"],
)
async def test_a_key_is_made_of_what_is_hidden(key: Any) -> None:
    """Two secrets are two keys, though both are written alike."""
    async with _varied({"idempotency": key}) as app:
        for text, count in (("a", 1), ("b", 2), ("a", 1)):
            sent = Varied(tokens=frozenset({SecretStr(text)}), left_out=text)
            assert (await app.execute(sent)).unwrap() == count
