"""What is answered under a key: the same the first time and every other time."""

import math
from dataclasses import dataclass
from typing import Any

import pytest

from twofold import App, Command, Module
from twofold.errors import WiringError

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Short:
    """What is promised."""

    name: str


@dataclass(frozen=True)
class Long(Short):
    """What is answered."""

    more: str


@dataclass(frozen=True)
class Measured:
    """What may have no number."""

    value: float | None


@dataclass(frozen=True, kw_only=True)
class Choose(Command[Any]):
    """Answers as it is told."""

    what: str


ANSWERS: dict[str, tuple[Any, object, object]] = {
    "subclass": (Short, Long("ada", "x"), Short("ada")),
    "bytes": (bytes, b"\xff\x00", b"\xff\x00"),
    "number": (float, 0.1, 0.1),
    "keys": (dict[int, str], {1: "a"}, {1: "a"}),
}


@pytest.mark.parametrize("what", ANSWERS)
async def test_the_first_answer_is_the_one_that_is_given_again(what: str) -> None:
    """Whatever the handler made of it beyond its promise."""
    promised, answer, given = ANSWERS[what]
    module = Module("choosing")

    async def choose(command: Choose) -> Any:
        return answer

    choose.__annotations__["return"] = promised
    module.handler(choose)
    async with App("choosing", modules=[module], database="memory:") as app:
        keyed = app.caller(idempotency_key="k-1")
        first, second = await keyed.execute(Choose(what=what)), await keyed.execute(Choose(what=what))
        assert (first.value, second.value) == (given, given)


@pytest.mark.parametrize(
    "promised, answer",
    [(dict[tuple[int, int], int], {(1, 2): 3}), (float, math.inf), (Measured, Measured(math.nan))],
    ids=["keys", "infinity", "no number"],
)
async def test_an_answer_that_could_not_be_given_again_is_a_bug(promised: Any, answer: object) -> None:
    """Nothing is committed, so that its twin is not told of what nobody was answered."""
    module, runs = Module("choosing"), list[str]()

    async def choose(command: Choose) -> Any:
        runs.append(command.what)
        return answer

    choose.__annotations__["return"] = promised
    module.handler(choose)
    async with App("choosing", modules=[module], database="memory:") as app:
        for _ in range(2):
            with pytest.raises(WiringError):
                await app.caller(idempotency_key="k-1").execute(Choose(what="keys"))
    assert len(runs) == 2
