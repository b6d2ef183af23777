"""What operators read of versions of projections."""

import logging

import pytest

from twofold.app._news import News
from twofold.errors import Classifier, StoreUnavailable


def test_what_is_away_is_one_line_until_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever it says of itself meanwhile, without a traceback; a bug is an error with one, as often as it changes."""
    news = News(Classifier())
    away = [StoreUnavailable("the connection was lost"), StoreUnavailable("it starts"), ConnectionResetError("gone")]
    for error in (*away, *away):
        news.failed(error)
    news.failed(KeyError("name"))
    news.failed(KeyError("name"))
    news.sound()
    news.failed(TimeoutError())
    assert [(one.levelname, one.getMessage(), one.exc_info is None) for one in caplog.records] == [
        (
            "WARNING",
            "versions of projections wait for what is away: StoreUnavailable: the connection was lost",
            True,
        ),
        (
            "ERROR",
            "a version of a projection cannot be built or take the place, which is tried again and again: 'name'",
            False,
        ),
        ("WARNING", "versions of projections wait for what is away: TimeoutError", True),
    ]


def test_the_traceback_of_what_is_away_is_for_who_asks(caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG, each time."""
    caplog.set_level(logging.DEBUG, logger="twofold.projection")
    news = News(Classifier())
    for _ in range(2):
        news.failed(StoreUnavailable("gone"))
    assert [(one.levelname, one.exc_info is None) for one in caplog.records] == [
        ("WARNING", True),
        ("DEBUG", False),
        ("DEBUG", False),
    ]
