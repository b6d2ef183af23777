"""Log lines of `twofold run`: their facts, their context, and what a stranger's text cannot do to them."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
import structlog
from pydantic import BaseModel

from twofold import Command, Secret
from twofold.dispatch import ContextStack
from twofold.messages import Context, Origin, entered
from twofold.observability import LogFormat, configure_logging

Lines = Callable[[], list[str]]
LOGGER = logging.getLogger("twofold.message")
HIDDEN_ONE = "kanarienvogel"
FACTS = {"kind": "command", "message": "sell", "handler": "shop.sell", "step": "succeeded", "outcome": "success"}


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []  # configure_logging closes what it takes the place of
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def written(format: LogFormat = "console", level: str = "INFO") -> Lines:  # noqa: A002  # as the option is called
    """Configure logging; gives what was written so far."""
    stream = io.StringIO()
    configure_logging(format=format, level=level, stream=stream)
    return lambda: stream.getvalue().splitlines()


@contextmanager
def pushed(**facts: Any) -> Iterator[None]:
    stack = ContextStack()
    stack.push(facts)
    try:
        yield
    finally:
        stack.pop()


def of_structlog() -> Any:
    """A logger of structlog that writes through the standard library."""
    return structlog.wrap_logger(
        logging.getLogger("shop"),
        processors=[structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def test_a_line_for_people_says_what_when_and_how_it_ended() -> None:
    """Time, level, text and the facts that the text does not say; a duration in milliseconds."""
    lines = written()
    LOGGER.info("command sell succeeded", extra={"twofold": {**FACTS, "duration": 0.0123, "user_id": None}})
    (line,) = lines()
    time, _, rest = line.partition(" ")
    assert time.endswith("+00:00")
    assert rest == "[info     ] command sell succeeded [twofold.message] outcome=success duration=12.3ms"


def test_a_line_for_machines_is_one_object_with_every_fact() -> None:
    """JSON has the facts of the record as they are, and leaves out what is not known."""
    lines = written("json")
    LOGGER.info("command sell succeeded", extra={"twofold": {**FACTS, "duration": 0.0123, "user_id": None}})
    found = json.loads(lines()[0])
    assert found.pop("timestamp").endswith("+00:00")
    assert found == {
        "level": "info",
        "event": "command sell succeeded",
        "logger": "twofold.message",
        "duration": 0.0123,
        **FACTS,
    }


def test_every_line_of_a_handler_carries_its_context() -> None:
    """The correlation id of the message, what the handler pushed, and the extra of the call are in the line."""
    lines = written("json")
    with entered(Context(Origin(correlation_id="c-1"))), pushed(order="o-7", step="charge"):
        logging.getLogger("shop").warning("card refused", extra={"attempt": 2})
    logging.getLogger("shop").warning("outside")
    inside, outside = map(json.loads, lines())
    assert {key: inside[key] for key in ("correlation_id", "order", "step", "attempt")} == {
        "correlation_id": "c-1",
        "order": "o-7",
        "step": "charge",
        "attempt": 2,
    }
    assert {"correlation_id", "order"}.isdisjoint(outside)


def test_context_never_takes_the_place_of_the_line() -> None:
    """A handler that pushes facts of the same names changes neither text nor level nor correlation."""
    lines = written("json")
    with entered(Context(Origin(correlation_id="c-1"))), pushed(event="forged", level="debug", correlation_id="c-2"):
        logging.getLogger("shop").warning("real")
    found = json.loads(lines()[0])
    assert (found["event"], found["level"], found["correlation_id"]) == ("real", "warning", "c-1")


NASTY = "ada\n2026-01-01T00:00:00 [info] forged\r\x1b[2J\x85\u2028\u202eevil\u200b\x7f"


@pytest.mark.parametrize("format", ["console", "json"])
@pytest.mark.parametrize("place", ["text", "argument", "extra", "pushed", "key", "correlation"])
def test_a_strangers_text_stays_in_its_line(format: LogFormat, place: str) -> None:  # noqa: A002  # as the option is called
    """Newlines, controls and bidirectional marks arrive escaped, wherever the text came in: one record is one line."""
    lines = written(format)
    logger = logging.getLogger("shop")
    match place:
        case "text":
            logger.info(NASTY)
        case "argument":
            logger.info("hello %s", NASTY)
        case "extra":
            logger.info("hello", extra={"user": NASTY})
        case "pushed":
            with pushed(user=NASTY, stack=NASTY, exc_info=NASTY):
                logger.info("hello")
        case "key":
            with pushed(**{NASTY: 1}):
                logger.info("hello")
        case _:
            with entered(Context(Origin(correlation_id=NASTY))):
                logger.info("hello")
    (line,) = lines()
    assert line.isprintable()


@dataclass(frozen=True, kw_only=True)
class Join(Command[None]):
    """A message with secrets."""

    phrase: Annotated[str, Secret]
    password: str


@dataclass(frozen=True)
class Card:
    """No message, and a secret by its name."""

    holder: str
    cvv: str


class Door(BaseModel):
    """The same as a model."""

    number: int
    access_token: str


@pytest.mark.parametrize("format", ["console", "json"])
@pytest.mark.parametrize("place", ["pushed", "extra", "structlog"])
@pytest.mark.parametrize(
    "fact",
    [
        {"password": HIDDEN_ONE},
        {"apiKey": HIDDEN_ONE},
        {"who": {"name": "ada", "x-api-key": HIDDEN_ONE}},
        {"who": [{"name": "ada", "deep": ({"token": HIDDEN_ONE},)}]},
        {"secrets": [HIDDEN_ONE]},
        {"who": Join(phrase=HIDDEN_ONE, password=HIDDEN_ONE)},
        {"who": [Join(phrase=HIDDEN_ONE, password=HIDDEN_ONE)]},
        {"who": Card("ada", HIDDEN_ONE)},
        {"who": {"door": Door(number=7, access_token=HIDDEN_ONE)}},
    ],
    ids=str,
)
def test_a_fact_that_is_a_secret_is_hidden(format: LogFormat, place: str, fact: dict[str, Any]) -> None:  # noqa: A002  # as the option is called
    """By its name or its mark, at any depth, wherever it came in; the line and the other facts are there."""
    lines = written(format)
    with pushed(**(fact if place == "pushed" else {})):
        if place == "structlog":
            of_structlog().info("hello", user="ada", **fact)
        else:
            logging.getLogger("shop").info("hello", extra={"user": "ada", **(fact if place == "extra" else {})})
    (line,) = lines()
    assert HIDDEN_ONE not in line
    assert "***" in line
    assert "hello" in line
    assert "ada" in line


def test_a_fact_that_is_no_secret_stays_as_it_is() -> None:
    """Numbers, nothing, lists and names that only resemble one."""
    lines = written("json")
    facts = {"count": 3, "keys": [1, 2], "tokenizer": "bpe", "password": None, "nested": {"a": {"b": [None, 1.5]}}}
    logging.getLogger("shop").info("hello", extra=facts)
    found = json.loads(lines()[0])
    assert {name: found.get(name) for name in facts} == facts


def test_a_fact_cannot_pose_as_another() -> None:
    """A value with spaces and equals signs is quoted."""
    lines = written()
    logging.getLogger("shop").info("hello", extra={"user": "ada outcome=success"})
    assert "user='ada outcome=success'" in lines()[0]


def test_letters_of_every_script_stay_readable() -> None:
    """Only what does not print is escaped."""
    lines = written()
    logging.getLogger("shop").info("naïve 注文 шт")
    assert "naïve 注文 шт" in lines()[0]


def test_no_line_of_a_traceback_can_pose_as_a_log_line() -> None:
    """A traceback is indented and marked in lines for people, and one string in JSON."""
    for wanted in ("console", "json"):
        lines = written("json" if wanted == "json" else "console")
        try:
            raise ValueError(NASTY)
        except ValueError:
            logging.getLogger("shop").exception("crashed")
        first, *others = lines()
        assert first.isprintable()
        assert all(line.startswith("    | ") and line.isprintable() for line in others)
        assert bool(others) is (wanted == "console")
        assert "ValueError" in "".join(lines())


@pytest.mark.parametrize("told", ["the error", "true"])
def test_structlog_loggers_are_understood(told: str) -> None:
    """A logger of structlog that writes through the standard library gives its keywords and its exception too."""
    lines = written("json")
    logger = of_structlog()
    try:
        raise ValueError("no card")
    except ValueError as error:
        logger.warning("refused", order="o-7", exc_info=error if told == "the error" else True)
    found = json.loads(lines()[0])
    assert (found["event"], found["order"]) == ("refused", "o-7")
    assert found["exception"].endswith("ValueError: no card")
    assert set(found) == {"timestamp", "level", "event", "logger", "order", "exception"}


def test_what_is_below_the_level_is_not_written() -> None:
    """The level is the lowest that is written."""
    lines = written(level="WARNING")
    LOGGER.info("quiet")
    LOGGER.warning("loud")
    assert len(lines()) == 1


class Terminal(io.StringIO):
    """A stream that people look at."""

    def isatty(self) -> bool:
        return True


def test_colours_are_for_terminals() -> None:
    """A stream that is a terminal gets lines for people, with colours, unless it is said otherwise."""
    stream = Terminal()
    configure_logging(stream=stream)
    LOGGER.info("hello")
    assert "\x1b[" in stream.getvalue()
    stream = Terminal()
    configure_logging(format="json", stream=stream)
    LOGGER.info("hello")
    assert json.loads(stream.getvalue())["event"] == "hello"


def test_what_is_no_terminal_gets_lines_for_machines() -> None:
    """Nobody looks at a file or a pipe while it is written, unless they say so."""
    stream = io.StringIO()
    configure_logging(stream=stream)
    LOGGER.info("hello")
    assert json.loads(stream.getvalue())["event"] == "hello"
