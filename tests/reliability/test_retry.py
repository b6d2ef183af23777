"""Trying again: after which errors, with which pauses, and for how long."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reliability.virtual import LoopClock, by_type, run
from twofold.errors import (
    CircuitOpen,
    Classifier,
    Conflict,
    Family,
    KeyConflict,
    OutcomeUnknown,
    RateLimited,
    Refused,
    StoreUnavailable,
    Superseded,
    TimedOut,
    VersionConflict,
    WiringError,
    unavailable,
)
from twofold.reliability import BackoffRetries, Retry
from twofold.reliability._backoff import Backoff
from twofold.result import Failure, Result, Success


class Attempts:
    """Answers or raises one outcome after the other, and notes when it is asked."""

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = list(outcomes)
        self.times = list[float]()

    async def __call__(self) -> Result[Any, Any]:
        self.times.append(round(asyncio.get_running_loop().time(), 6))
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome  # type: ignore[no-any-return]  # as the test gave it


def _again(
    settings: Retry,
    first: Failure[Any] | Exception,
    call: Callable[[], Awaitable[Result[Any, Any]]],
    *,
    deadline: float | None = None,
    classifier: Classifier | None = None,
    chance: float = 0.0,
) -> Result[Any, Any]:
    """Run it in virtual time, which begins at 0; the deadline is counted from there."""

    async def main() -> Result[Any, Any]:
        clock = LoopClock()
        end = None if deadline is None else clock.monotonic() + deadline
        backoff = Backoff(settings, clock, classifier or Classifier(), lambda: chance)
        return await backoff.again(first, call, deadline=end)

    return run(main())


DOWN = Failure(StoreUnavailable())


def test_it_pauses_first_and_then_tries_again() -> None:
    """Each pause is longer than the one before, up to the longest; the last outcome is the answer."""
    call = Attempts(DOWN, DOWN, DOWN, Success("up"))
    assert _again(Retry(attempts=9, first=1, factor=3, longest=5), DOWN, call) == Success("up")
    assert call.times == [1, 4, 9, 14]


def test_a_random_part_of_a_pause_is_left_out() -> None:
    """Up to the share that the settings say, so that those who failed together do not come back together."""
    for jitter, chance, times in ((0.5, 0.4, [0.8, 2.4]), (0.5, 1.0, [0.5, 1.5]), (0, 1.0, [1, 3])):
        call = Attempts(DOWN)
        _again(Retry(attempts=3, first=1, jitter=jitter), DOWN, call, chance=chance)
        assert call.times == times
    retries, pauses = BackoffRetries(by_type({int: Retry(attempts=2, first=1)}), clock=LoopClock()), set[float]()
    for _ in range(10):
        call = Attempts(DOWN)
        run(retries.of(int).again(DOWN, call))
        pauses.update(call.times)
    assert len(pauses) > 1
    assert all(0.5 <= pause <= 1 for pause in pauses)


def test_attempts_count_the_first_one() -> None:
    """With 3 attempts there are two more, and the last failure is the answer."""
    last = Failure(StoreUnavailable("the third time"))
    call = Attempts(DOWN, last)
    assert _again(Retry.of(3), DOWN, call) is last
    assert len(call.times) == 2
    assert _again(Retry.of(1), DOWN, Attempts(AssertionError("called"))) is DOWN


@pytest.mark.parametrize(
    "error",
    [
        Refused("no"),
        "a plain value",
        OutcomeUnknown(),
        KeyConflict(),
        Superseded(name="p", text="is newer"),
        RateLimited(name="x", rate="1/second", retry_after=1),
    ],
)
def test_what_another_try_does_not_mend_is_not_tried_again(error: object) -> None:
    """Refusals, commits whose outcome is unknown, keys that are taken, what another process does now, and limits."""
    first = Failure(error)
    assert _again(Retry.of(3), first, Attempts(AssertionError("called"))) is first


def test_a_later_refusal_ends_it() -> None:
    """The first answer that another try would not mend is the last."""
    refusal = Failure(Refused("no"))
    call = Attempts(DOWN, refusal, AssertionError("called"))
    assert _again(Retry.of(9), DOWN, call) is refusal


def test_exceptions_are_tried_again_by_what_they_mean() -> None:
    """The last one is raised as it is; a bug is raised at once."""
    call = Attempts(ConnectionError("second"), ConnectionError("third"))
    with pytest.raises(ConnectionError, match="third"):
        _again(Retry.of(3), ConnectionError("first"), call)
    with pytest.raises(KeyError):
        _again(Retry.of(3), KeyError("bug"), Attempts(AssertionError("called")))
    call = Attempts(KeyError("bug"))
    with pytest.raises(KeyError):
        _again(Retry.of(3), DOWN, call)
    assert len(call.times) == 1


def test_the_application_says_what_its_errors_mean() -> None:
    """By its own classification, of values as of exceptions."""

    class Overloaded:
        pass

    classifier = Classifier({Overloaded: unavailable, ZeroDivisionError: unavailable})
    assert _again(Retry.of(2), Failure(Overloaded()), Attempts(Success(1)), classifier=classifier) == Success(1)
    assert _again(Retry.of(2), ZeroDivisionError(), Attempts(Success(1)), classifier=classifier) == Success(1)


def test_a_conflict_is_tried_again_nearly_at_once() -> None:
    """Within some thousandths of a second, at random, so that those who met do not meet again."""
    conflict = Failure(VersionConflict(stream="s", expected=1))
    call = Attempts(conflict, Success(1))
    assert _again(Retry(attempts=5, first=2), conflict, call, chance=0.5) == Success(1)
    assert call.times == [0.005, 0.015]


def test_only_what_is_asked_for_is_tried_again() -> None:
    """Categories and families, by themselves or by name."""
    conflict = Failure(Conflict("again"))
    assert _again(Retry(on=Family.UNAVAILABLE), conflict, Attempts(AssertionError("called"))) is conflict
    limited = Failure(RateLimited(name="x", rate="1/second", retry_after=2))
    call = Attempts(Success(1))
    assert _again(Retry(on="unavailable, conflict"), limited, call) == Success(1)
    assert call.times == [2]


def test_an_error_that_knows_when_is_believed() -> None:
    """An open breaker is not asked before its time, and not waited for when that is longer than the longest pause."""
    call = Attempts(Success(1))
    assert _again(Retry.of(3), Failure(CircuitOpen(name="x", retry_after=4)), call) == Success(1)
    assert call.times == [4]
    first = Failure(CircuitOpen(name="x", retry_after=6))
    assert _again(Retry.of(3), first, Attempts(AssertionError("called"))) is first


@given(
    settings=st.builds(
        Retry,
        attempts=st.integers(1, 12),
        first=st.floats(0.01, 3),
        factor=st.floats(1, 10),
        longest=st.floats(0.01, 10),
        jitter=st.floats(0.01, 1) | st.just(0),
        total=st.none() | st.floats(0.01, 60),
    ),
    deadline=st.none() | st.floats(0.01, 60),
    took=st.sampled_from([0.0, 0.3, 2.0]),
    chance=st.floats(0, 1),
)
def test_it_is_bounded(settings: Retry, deadline: float | None, took: float, chance: float) -> None:
    """By attempts, total time and deadline: none begins at or after either of them, and none is waited for."""
    began = list[float]()
    ended = 0.0

    async def call() -> Result[Any, Any]:
        nonlocal ended
        began.append(asyncio.get_running_loop().time())
        await asyncio.sleep(took)
        ended = asyncio.get_running_loop().time()
        return DOWN

    async def main() -> float:
        clock = LoopClock()
        end = None if deadline is None else clock.monotonic() + deadline
        await Backoff(settings, clock, Classifier(), lambda: chance).again(DOWN, call, deadline=end)
        return asyncio.get_running_loop().time()

    over = run(main())
    bounds = [bound for bound in (settings.total, deadline) if bound is not None]
    assert len(began) <= settings.attempts - 1
    assert all(time < bound for time in began for bound in bounds)
    assert over == ended
    pauses = [after - before - took for before, after in zip([-took, *began], began, strict=False)]
    assert all(pause <= settings.longest + 1e-6 for pause in pauses)
    if not bounds:
        assert len(began) == settings.attempts - 1


@pytest.mark.parametrize("at", [0.5, 1.5])
def test_a_cancellation_passes_through(at: float) -> None:
    """In a pause as in an attempt, and nothing is tried after it."""

    async def main() -> tuple[bool, int]:
        calls = 0

        async def call() -> Result[Any, Any]:
            nonlocal calls
            calls += 1
            await asyncio.sleep(1)
            return DOWN

        backoff = Backoff(Retry(attempts=9, first=1), LoopClock(), Classifier(), lambda: 0.0)
        task = asyncio.create_task(backoff.again(DOWN, call))
        asyncio.get_running_loop().call_later(at, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task
        return task.cancelled(), calls

    assert run(main()) == (True, int(at))


def test_each_type_is_retried_as_it_says() -> None:
    """By the settings of its type; without any that is a mistake."""
    retries = BackoffRetries(by_type({int: Retry.of(2)}), clock=LoopClock())
    call = Attempts(Success(1))
    assert run(retries.of(int).again(Failure(TimedOut()), call)) == Success(1)
    with pytest.raises(WiringError, match="no retry is set for str"):
        retries.of(str)


def test_a_retry_says_nothing_on_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    """No library prints or logs the error, which may hold what is secret."""
    _again(Retry.of(3), ConnectionError("s3cret"), Attempts(Success(1)))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "settings, expected",
    [
        ({"attempts": 0}, r"Retry\(attempts=\) is 0: expected a whole number of at least 1"),
        ({"attempts": 101}, "at most 100"),
        ({"first": 0}, r"Retry\(first=\) is 0: expected a number greater than 0, in seconds"),
        ({"factor": 0.5}, r"Retry\(factor=\) is 0.5: expected a number between 1 and 10"),
        ({"jitter": 1.5}, r"Retry\(jitter=\) is 1.5: expected a number between 0 and 1"),
        ({"on": "refused"}, "expected some of conflict, rate_limited, unavailable"),
        ({"on": ()}, "expected some of"),
        ({"on": 3}, "expected some of"),
    ],
)
def test_wrong_settings_are_wiring_mistakes(settings: dict[str, Any], expected: str) -> None:
    """Which name the setting, what it is, and what is expected."""
    with pytest.raises(WiringError, match=expected):
        Retry(**settings)
