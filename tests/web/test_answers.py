"""What handlers answer, as JSON: by the type that they promise, and nothing beyond it."""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, SecretStr

from tests.web.shop import SECRET, client_of, crashes, recorded
from twofold import App, Command, Event, Failure, Module, Query, Result, Secret, Success, UnitOfWork
from twofold.dispatch import Handler, answered_type
from twofold.messages import Kind

pytestmark = pytest.mark.anyio
ID = UUID(int=1)


@dataclass(frozen=True)
class Public:
    name: str


@dataclass(frozen=True)
class Private(Public):
    password: str


class PublicModel(BaseModel):
    name: str


class Entity:
    """Knows more than it may tell."""

    def __init__(self) -> None:
        self.name = "ada"
        self.password = SECRET


async def nothing_said(query: object):  # type: ignore[no-untyped-def]  # a handler that promises nothing
    return Private("ada", SECRET)


async def promised(query: object) -> Result[Public]:
    return Success(Private("ada", SECRET))


async def an_entity(query: object) -> PublicModel:
    return Entity()  # type: ignore[return-value]  # a promise that is broken


async def a_list(query: object) -> tuple[UUID, ...]:
    return [str(ID)]  # type: ignore[return-value]  # a promise that is broken


async def either(query: object) -> Success[Decimal] | Failure[str]:
    return Success(Decimal("1.50"))


async def anything(query: object) -> Any:
    return {"id": ID, "public": Public("ada")}


async def of_none(query: object) -> Any:
    return None


async def annotated(query: object) -> Annotated[int, Field(ge=0)]:
    return 7


@pytest.mark.parametrize(
    "handler,expected",
    [
        (nothing_said, {"name": "ada"}),
        (promised, {"name": "ada"}),
        (an_entity, {"name": "ada"}),
        (a_list, [str(ID)]),
        (either, "1.50"),
        (annotated, 7),
    ],
)
async def test_an_answer_has_the_promised_shape(handler: Callable[..., Any], expected: object) -> None:
    """An answer is written as its type says, whatever else the object knows; a near miss is brought into shape."""
    promise = "Public" if handler is nothing_said else Any
    assert await answer_of(handler, promise) == (200, expected)


def ask(promise: Any) -> type:
    """A query that promises something; local, so that no other application has it in sight."""

    @dataclass(frozen=True, kw_only=True)
    class Ask(Query[promise]):
        pass

    return Ask


async def answer_of(handler: Callable[..., Any], promise: Any = Any) -> tuple[int, object]:
    module = Module("answers")
    module.register(ask(promise), handler)
    app = App("answers", modules=[module], database="memory:")
    async with client_of(app, app.http()) as client:
        answer = await client.get("/queries/ask")
    return answer.status_code, answer.json()


async def test_where_nothing_is_promised_anything_is_written() -> None:
    """A handler that may answer anything is written as pydantic sees it; so is one whose promise leads nowhere."""
    for promise in (Any, "NoSuchType"):
        assert await answer_of(anything, promise) == (200, {"id": str(ID), "public": {"name": "ada"}})
        assert await answer_of(of_none, promise) == (200, None)


@dataclass(frozen=True)
class Card:
    number: Annotated[str, Secret]
    pin: SecretStr


async def card(query: object) -> Card:
    return Card(number=SECRET, pin=SecretStr(SECRET))


async def test_an_answer_shows_what_its_own_type_marks() -> None:
    """Whoever says so in the type of an answer wants it told; of pydantic's own secrets there are asterisks."""
    assert await answer_of(card) == (200, {"number": SECRET, "pin": "**********"})


async def wrong(query: object) -> int:
    return SECRET  # type: ignore[return-value]  # a promise that is broken


async def unwritable(query: object) -> Any:
    return object()


@pytest.mark.parametrize("handler", [wrong, unwritable])
async def test_an_answer_of_another_type_is_a_bug(
    handler: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """What breaks its promise is logged, and nothing of it is told."""
    with caplog.at_level(logging.ERROR):
        status, document = await answer_of(handler)
    assert status == 500
    assert SECRET not in str(document)
    assert len(crashes(caplog.records)) == 1


async def not_a_number(query: object) -> Result[float]:
    return Success(math.nan)


async def far_away(query: object) -> dict[str, float]:
    return {"distance": math.inf}


@pytest.mark.parametrize("handler", [not_a_number, far_away])
async def test_where_a_number_is_promised_nothing_else_is_told(
    handler: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """JSON has no NaN and no infinity: a query that answers one is a bug, and the log says so."""
    with caplog.at_level(logging.ERROR):
        status, _ = await answer_of(handler)
    assert status == 500
    assert "JSON has neither NaN nor an infinity" in caplog.text


async def test_a_command_that_answers_no_number_does_nothing() -> None:
    """With a key or without one; and under that key it is run again."""

    @dataclass(frozen=True, kw_only=True)
    class Weigh(Command[float]):
        pass

    @dataclass(frozen=True, kw_only=True)
    class Weighed(Event):
        pass

    weights, module = [math.nan, math.inf, 2.5], Module("answers")
    module.events(Weighed)

    @module.handler
    async def weigh(command: Weigh, unit: UnitOfWork) -> float:
        unit.record(Weighed())
        return weights.pop(0)

    app = App("answers", modules=[module], database="memory:")
    async with client_of(app, app.http()) as client:
        plain = await client.post("/commands/weigh")
        keyed = [await client.post("/commands/weigh", headers={"idempotency-key": "k-1"}) for _ in range(3)]
        assert len(await recorded(app)) == 1
    assert [plain.status_code, *(one.status_code for one in keyed)] == [500, 500, 200, 200]
    assert [one.text for one in keyed[1:]] == ["2.5", "2.5"]


async def test_a_message_that_promises_nothing_is_answered_as_it_comes() -> None:
    """A message without a base of twofold's leaves the answer open."""

    @dataclass(frozen=True)
    class Bare:
        pass

    module = Module("answers")
    module.register(Bare, anything, kind=Kind.QUERY)
    app = App("answers", modules=[module], database="memory:")
    async with client_of(app, app.http()) as client:
        assert (await client.get("/queries/bare")).json()["id"] == str(ID)


@pytest.mark.parametrize(
    "annotation,expected",
    [
        (None, type(None)),
        (Result, Any),
        (Success, Any),
        (Success[int] | Failure, int),
        (Failure[str] | Failure[int], Any),
        (Result[int | None, str], int | None),
        (Result[None], type(None)),
        (list[int], list[int]),
    ],
)
def test_the_promised_type_is_read_off_an_annotation(annotation: Any, expected: Any) -> None:
    """Results are taken apart; without anything said, whatever is answered is written."""

    async def handler(query: object) -> Any: ...

    handler.__annotations__["return"] = annotation
    read = Handler.of(handler, message_type=ask(Any), kind=Kind.QUERY)
    assert answered_type(read) == expected
