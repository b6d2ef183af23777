"""Failures of subscriptions are warnings; being overtaken is not."""

import logging
from collections.abc import Collection, Sequence

import pytest

from twofold.errors import Conflict, StoreUnavailable
from twofold.messages import Catalogue
from twofold.observability import log_failure
from twofold.store import Fact, MemoryStore, Move
from twofold.subscriptions import Subscription


class Summary:
    """A subscriber that is never given anything."""

    name = "summary"
    types: Collection[str] = ()
    batch_size = 1

    async def handle(self, facts: Sequence[Fact], move: Move) -> None:
        raise NotImplementedError


@pytest.fixture
def failing() -> Subscription:
    subscription = Subscription(Summary(), MemoryStore(), Catalogue())
    subscription.failures, subscription.error = 1, StoreUnavailable("closed")
    return subscription


def test_the_first_failure_comes_with_its_traceback(failing: Subscription, caplog: pytest.LogCaptureFixture) -> None:
    """The first failure in a row is a warning with name, count, class and traceback; the next ones leave that out."""
    log_failure(failing)
    failing.failures = 2
    log_failure(failing)
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


def test_being_overtaken_is_one_quiet_line(failing: Subscription, caplog: pytest.LogCaptureFixture) -> None:
    """A conflict with another process is told without a traceback, below a warning; a failure still is one."""
    failing.error = Conflict("another owner moved it")
    with caplog.at_level(logging.INFO, logger="twofold.subscription"):
        log_failure(failing)
    (line,) = caplog.records
    assert (line.levelno, line.getMessage()) == (logging.INFO, "subscription summary was overtaken")
    assert line.exc_info is None
    assert line.__dict__["twofold"]["error"] == "Conflict"
