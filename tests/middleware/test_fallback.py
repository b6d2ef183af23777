"""A query whose repository is away is answered by its fallback, visibly, and only then."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from twofold import App, Command, Failure, Module, NotFound, Query, Success
from twofold.errors import StoreUnavailable, WiringError
from twofold.messages import Kind

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Names(Query[list[str]]):
    """Names that begin like this."""

    begin: str = "a"


class Numbers:
    """A meter that keeps what it is told."""

    def __init__(self) -> None:
        self.counted: list[tuple[str, str]] = []
        self.outcomes: list[str] = []

    def record(self, kind: Kind, message: str, outcome: str, seconds: float) -> None:
        self.outcomes.append(outcome)

    def count(self, what: str, message: str) -> None:
        self.counted.append((what, message))


async def ask(ending: Any, fallback: Callable[..., Any], numbers: Numbers | None = None) -> Any:
    """What a query with a fallback is answered when its handler ends like this."""
    module = Module("names")

    @module.handler(fallback=fallback)
    async def names(query: Names) -> list[str]:
        if isinstance(ending, Exception):
            raise ending
        return ending  # type: ignore[no-any-return]  # whatever a test makes it answer

    app = App("names", modules=[module], database="memory:")
    app.observe(meter=numbers or Numbers())
    async with app:
        return await app.execute(Names())


async def _async(query: Names) -> list[str]:
    return [f"{query.begin}?"]


def _refused() -> None:
    raise NotFound("nothing is kept for bad days")


@pytest.mark.parametrize(
    "fallback, answer",
    [
        (list, Success([])),
        (lambda: ["nobody"], Success(["nobody"])),
        (lambda query: [query.begin], Success(["a"])),
        (lambda query=None: [str(query)], Success(["None"])),
        (_async, Success(["a?"])),
        (lambda: Success(["kept"]), Success(["kept"])),
    ],
)
async def test_what_is_unavailable_is_answered_otherwise(fallback: Callable[..., Any], answer: Any) -> None:
    """By a class, a function with the query or without, async or not; a Result is taken as it is."""
    assert await ask(ConnectionError("down"), fallback) == answer
    assert await ask(Failure(StoreUnavailable("down")), fallback) == answer


async def test_it_is_counted_and_said(caplog: pytest.LogCaptureFixture) -> None:
    """As a success with a fallback, and in a line that says why without what was asked."""
    caplog.set_level(logging.WARNING, "twofold.fallback")
    numbers = Numbers()
    await ask(StoreUnavailable("down"), list, numbers)
    assert (numbers.counted, numbers.outcomes) == ([("fallbacks", "names")], ["success"])
    assert [record.getMessage() for record in caplog.records] == [
        "query names is answered by its fallback: store_unavailable"
    ]


@pytest.mark.parametrize("ending", [["ada"], Failure(NotFound("no")), Failure("no")])
async def test_an_answer_stays_one(ending: Any) -> None:
    """A success, and a refusal too: nothing is wrong with whoever gave it."""
    numbers = Numbers()
    answer = await ask(ending, _refused, numbers)
    assert answer == (ending if isinstance(ending, Failure) else Success(ending))
    assert numbers.counted == []


async def test_a_bug_stays_a_bug() -> None:
    """Of the handler, and of the fallback."""
    with pytest.raises(KeyError):
        await ask(KeyError("x"), list)
    with pytest.raises(ZeroDivisionError):
        await ask(ConnectionError(), lambda: 1 / 0)


async def test_a_fallback_may_refuse() -> None:
    """What it raises and is no bug is a Failure, as of a handler."""
    assert isinstance((await ask(ConnectionError(), _refused)).error, NotFound)


def test_only_queries_have_one() -> None:
    """On a command it would hide that nothing was done: the application does not start."""
    module = Module("names")

    @dataclass(frozen=True, kw_only=True)
    class Rename(Command[None]):
        pass

    async def rename(command: Rename) -> None: ...

    async def names(query: Names) -> list[str]:
        return []

    module.register(Names, names)
    module.register(Rename, rename, fallback=list)

    (fault,) = App("names", modules=[module], database="memory:").check()
    assert fault.code == "useless_option"
    assert "fallback=" in str(fault)
    assert "handlers of a query" in str(fault)


def test_an_option_that_there_is_not() -> None:
    """Is refused where it is said, with the one that may have been meant."""
    module: Any = Module("names")
    with pytest.raises(WiringError, match="no option 'fallbak': did you mean fallback"):
        module.handler(fallbak=list)
    with pytest.raises(WiringError, match="no option 'x'"):
        module.register(Names, _async, x=1)
