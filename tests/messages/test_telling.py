"""Which fields of a message are secrets, or hold one: by its JSON Schema, at any depth and round any circle."""

from dataclasses import dataclass
from typing import Annotated

import pytest
from pydantic import BaseModel, Field, SecretStr

from twofold.messages import Command, MessageType, NotSecret, Secret, has_secret


@dataclass(frozen=True, kw_only=True)
class Card:
    beside: "list[Card]"
    number: Annotated[str, Secret]


@dataclass(frozen=True, kw_only=True)
class Chain:
    more: "Chain | None"
    length: int


class Pay(BaseModel, Command[None]):
    amount: int
    renamed: Annotated[str, Secret] = Field(alias="other")
    card: Card | None
    by_name: dict[str, Card]
    by_pattern: dict[Annotated[str, Field(pattern="^a")], Card]
    pair: tuple[int, Annotated[str, Secret]]
    pin: SecretStr | None = None
    chain: Chain
    tokens: Annotated[int, NotSecret] = 0


SECRET = {"renamed", "card", "by_name", "by_pattern", "pair", "pin"}


@pytest.mark.parametrize("field", Pay.model_fields)
def test_a_secret_is_found_wherever_it_sits(field: str) -> None:
    schema = MessageType(Pay).adapter.json_schema(by_alias=False)
    assert has_secret(schema, field) == (field in SECRET)
