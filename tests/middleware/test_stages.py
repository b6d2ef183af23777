"""The built-in stages: what is said, counted and checked about every message."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator

from twofold.dispatch import Dispatcher, Router, Settings, Stage
from twofold.errors import Classifier, Invalid, NotFound, Unavailable
from twofold.messages import Catalogue, Command, Context, Event, Kind, Origin, Query
from twofold.middleware import logging_stage, metrics_stage, outcome_of, validation_stage
from twofold.result import Failure, Result, Success

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Register(Command[Any]):
    """A command with a secret."""

    email: Annotated[str, AfterValidator(str.lower)] = "ada@example.com"
    password: str = "hunter2"


@dataclass(frozen=True, kw_only=True)
class Ask(Query[Any]):
    """A query."""


@dataclass(frozen=True, kw_only=True)
class Happened(Event):
    """An event."""

    n: Annotated[int, AfterValidator(abs)] = 0


class Numbers:
    """A meter that keeps what it is told."""

    def __init__(self) -> None:
        self.kept: list[tuple[Kind, str, str]] = []

    def record(self, kind: Kind, message: str, outcome: str, seconds: float) -> None:
        """Keep it."""
        assert seconds >= 0.0
        self.kept.append((kind, message, outcome))


def dispatcher(*stages: Stage, ending: Any = None) -> Dispatcher:
    """One handler for each kind, which ends as it is told."""
    found = Dispatcher(router=Router(Settings(before=stages)))

    async def handle(message: Any) -> Any:
        if isinstance(ending, BaseException):
            raise ending
        return ending

    found.register_command(Register, handle)
    found.register_query(Ask, handle)
    found.register_event(Happened, handle)
    return found


ENDINGS = [
    (None, "success"),
    (Failure(NotFound("gone")), "not_found"),
    (Failure("no"), "refused"),
    (Failure(Unavailable()), "unavailable"),
    (KeyError("hunter2"), "crashed"),
    (asyncio.CancelledError(), "cancelled"),
]


@pytest.mark.parametrize("ending, outcome", ENDINGS)
async def test_every_message_is_counted_with_its_outcome(ending: Any, outcome: str) -> None:
    """A crash too; the message by its wire name."""
    numbers = Numbers()
    buses = dispatcher(metrics_stage(numbers, Classifier()), ending=ending)
    await asyncio.gather(buses.dispatch(Register()), buses.dispatch(Ask()), return_exceptions=True)
    assert numbers.kept == [(Kind.COMMAND, "register", outcome), (Kind.QUERY, "ask", outcome)]


@pytest.mark.parametrize("ending, outcome", ENDINGS)
async def test_every_message_has_a_line_at_its_start_and_one_at_its_end(
    ending: Any, outcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With ids, duration and outcome, and without anything of its payload."""
    caplog.set_level(logging.INFO, "twofold.message")
    buses = dispatcher(logging_stage(Classifier()), ending=ending)
    origin = Origin(correlation_id="c", user_id="ada")
    await asyncio.gather(buses.dispatch(Register(), origin=origin), return_exceptions=True)
    started, ended = caplog.records
    facts: dict[str, Any] = vars(ended)["twofold"]
    assert started.getMessage() == "command register started"
    assert (facts["outcome"], facts["correlation_id"], facts["user_id"]) == (outcome, "c", "ada")
    assert facts["message_id"] == vars(started)["twofold"]["message_id"]
    assert facts["duration"] >= 0.0
    assert not any(secret in str(vars(record)) for record in caplog.records for secret in ("hunter2", "ada@"))


@pytest.mark.parametrize(
    "ending, level",
    [
        (None, logging.INFO),
        (Failure(NotFound("gone")), logging.INFO),
        (Failure("no"), logging.INFO),
        (Failure(Unavailable()), logging.WARNING),
        (KeyError("x"), logging.ERROR),
        (asyncio.CancelledError(), logging.INFO),
    ],
)
async def test_a_line_is_as_loud_as_an_operator_needs(
    ending: Any, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A refusal is daily business, a missing database is not."""
    caplog.set_level(logging.INFO, "twofold.message")
    buses = dispatcher(logging_stage(Classifier()), ending=ending)
    await asyncio.gather(buses.dispatch(Ask()), return_exceptions=True)
    assert caplog.records[-1].levelno == level


@pytest.mark.parametrize("level, lines", [(logging.WARNING, 2), (logging.ERROR, 1), (logging.CRITICAL, 0)])
async def test_lines_are_as_many_as_are_asked_for(level: int, lines: int, caplog: pytest.LogCaptureFixture) -> None:
    """Failures are told of without the lines that tell of every message."""
    caplog.set_level(level, "twofold.message")
    for ending in (None, Failure(Unavailable()), KeyError("x")):
        buses = dispatcher(logging_stage(Classifier()), ending=ending)
        await asyncio.gather(buses.dispatch(Ask()), return_exceptions=True)
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.ERROR][2 - lines :]


async def test_a_silent_logger_costs_nothing_and_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever switches the lines off still gets the answers."""
    buses = dispatcher(logging_stage(Classifier()), ending=1)
    caplog.set_level(logging.CRITICAL, "twofold.message")
    assert await buses.dispatch(Ask()) == Success(1)
    assert caplog.records == []


def validating() -> tuple[Dispatcher, list[Any]]:
    """A dispatcher that validates, and what its handlers got."""
    got: list[Any] = []
    catalogue = Catalogue()
    for cls in (Register, Ask, Happened):
        catalogue.add(cls)
    buses = Dispatcher(router=Router(Settings(before=(validation_stage(catalogue),))))
    buses.register_command(Register, got.append)
    buses.register_query(Ask, got.append)
    buses.register_event(Happened, got.append)
    return buses, got


async def test_a_handler_gets_the_message_normalised() -> None:
    """Also when it was made in code and never passed a door."""
    buses, got = validating()
    await buses.dispatch(Register(email="Ada@Example.COM"))
    assert got == [Register(email="ada@example.com")]


async def test_a_message_that_is_wrong_is_a_failure_and_never_handled() -> None:
    """With the findings, and without the value."""
    buses, got = validating()
    result: Result[Any, Any] = await buses.dispatch(Register(password=42))  # type: ignore[arg-type]  # the wrong type is what is checked
    assert isinstance(result.error, Invalid)
    assert [finding.field for finding in result.error.findings] == ["password"]
    assert "42" not in str(result.error)
    assert got == []


async def test_an_event_is_a_fact_and_is_not_asked_again() -> None:
    """It happened, whatever a validator thinks of it by now."""
    buses, got = validating()
    await buses.dispatch(Happened(n=-1))
    assert got == [Happened(n=-1)]


def test_one_word_for_an_outcome() -> None:
    """The same for logs and metrics."""
    classifier = Classifier()
    assert outcome_of(Success(1), classifier) == "success"
    assert outcome_of(Failure(TimeoutError()), classifier) == "unavailable"


async def test_a_nested_message_has_lines_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    """With the same correlation id."""
    caplog.set_level(logging.INFO, "twofold.message")
    buses = Dispatcher(router=Router(Settings(before=(logging_stage(Classifier()),))))

    async def register(command: Register, context: Context) -> Any:
        return await buses.dispatch(Ask())

    buses.register_command(Register, register)
    buses.register_query(Ask, lambda query: 1)
    await buses.dispatch(Register())
    assert len(caplog.records) == 4
    assert len({vars(record)["twofold"]["correlation_id"] for record in caplog.records}) == 1
