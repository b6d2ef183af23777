"""Failures of subscriptions are warnings; being overtaken is not."""

import logging
from datetime import UTC, datetime

import pytest

from twofold.errors import CheckpointMoved, Conflict, StoreUnavailable
from twofold.store import Parked
from twofold.subscriptions import Trouble, log_failure

PARKED = Parked(
    subscription="summary", position=7, stream="order-1", type="placed", time=datetime(2026, 1, 2, tzinfo=UTC)
)


def trouble(error: Exception, *, failures: int = 1, parked: Parked | None = None) -> Trouble:
    return Trouble(subscription="summary", position=0, error=error, failures=failures, parked=parked)


def test_the_first_failure_comes_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """The first failure in a row is a warning with name, count, class and traceback; the next ones leave that out."""
    log_failure(trouble(StoreUnavailable("closed")))
    log_failure(trouble(StoreUnavailable("closed"), failures=2))
    first, second = caplog.records
    assert (first.name, first.levelno) == ("twofold.subscription", logging.WARNING)
    assert first.getMessage() == "subscription summary failed"
    assert first.__dict__["twofold"] == {
        "subscription": "summary",
        "failures": 1,
        "position": 0,
        "error": "StoreUnavailable",
    }
    assert first.exc_info is not None
    assert second.exc_info is None
    assert second.__dict__["twofold"]["failures"] == 2


def test_what_is_away_is_one_line_however_often_it_is_tried(caplog: pytest.LogCaptureFixture) -> None:
    """With the cause; the tries and their tracebacks are there for whoever turns on DEBUG."""
    tries = [trouble(StoreUnavailable("refused\nby it"), failures=n)._replace(away=True) for n in (1, 2, 3)]
    with caplog.at_level(logging.DEBUG, logger="twofold.subscription"):
        for one in tries:
            log_failure(one)
    (line,) = [one for one in caplog.records if one.levelno > logging.DEBUG]
    assert (line.levelno, line.exc_info) == (logging.WARNING, None)
    assert line.getMessage() == "subscription summary waits for what is away: StoreUnavailable: refused"
    assert len([one for one in caplog.records if one.exc_info is not None]) == 3


def test_being_overtaken_is_one_quiet_line(caplog: pytest.LogCaptureFixture) -> None:
    """A conflict with another process is told without a traceback, below a warning; a failure still is one."""
    with caplog.at_level(logging.INFO, logger="twofold.subscription"):
        log_failure(trouble(CheckpointMoved(name="summary", text="stands at 7")))
    (line,) = caplog.records
    assert (line.levelno, line.getMessage()) == (logging.INFO, "subscription summary goes on in another process")
    assert line.exc_info is None
    assert line.__dict__["twofold"]["error"] == "CheckpointMoved"


def test_an_event_that_is_parked_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    """With its traceback, whatever it was: somebody has to look."""
    log_failure(trouble(Conflict("no"), failures=5, parked=PARKED))
    (line,) = caplog.records
    assert (line.levelno, line.getMessage()) == (logging.ERROR, "subscription summary parked an event")
    assert line.exc_info is not None
    facts = line.__dict__["twofold"]
    assert (facts["position"], facts["stream"], facts["event_type"]) == (7, "order-1", "placed")
    assert "event" not in facts  # the text of a rendered line has that name
