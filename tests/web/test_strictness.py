"""How strictly a request is read is for its message to say."""

from dataclasses import dataclass
from typing import Annotated

import pytest
from pydantic import ConfigDict, Strict

from tests.web.shop import client_of
from twofold import App, Command, Module, Query

pytestmark = pytest.mark.anyio

counting = Module("counting")


@dataclass(frozen=True, kw_only=True)
class Count(Command[int]):
    number: int


@dataclass(frozen=True, kw_only=True)
class CountStrictly(Command[int]):
    __pydantic_config__ = ConfigDict(strict=True)
    number: int


@dataclass(frozen=True, kw_only=True)
class CountedStrictly(Query[int]):
    number: Annotated[int, Strict()]


@counting.handler
async def count(command: Count) -> int:
    return command.number


@counting.handler
async def count_strictly(command: CountStrictly) -> int:
    return command.number


@counting.handler
async def counted_strictly(query: CountedStrictly) -> int:
    return query.number


async def test_a_body_is_read_as_strictly_as_its_message_says() -> None:
    """A text is a number for a usual message, and a finding for a strict one."""
    app = App("counting", modules=[counting], database="memory:")
    async with client_of(app, app.http()) as client:
        lax = await client.post("/commands/count", json={"number": "5"})
        refused = await client.post("/commands/count_strictly", json={"number": "5"})
        taken = await client.post("/commands/count_strictly", json={"number": 5})
    assert (lax.status_code, lax.json()) == (200, 5)
    assert (refused.status_code, refused.json()["errors"][0]["rule"]) == (400, "int_type")
    assert (taken.status_code, taken.json()) == (200, 5)


async def test_an_address_holds_only_texts() -> None:
    """So a field that is strictly a number cannot be sent there."""
    app = App("counting", modules=[counting], database="memory:")
    async with client_of(app, app.http()) as client:
        answer = await client.get("/queries/counted_strictly", params={"number": 5})
    assert (answer.status_code, answer.json()["errors"][0]["rule"]) == (400, "int_type")
