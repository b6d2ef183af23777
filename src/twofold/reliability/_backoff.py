"""The built-in retrier, on the library `tenacity`, which runs the attempts and the pauses between them.

The first failure is replayed as its first attempt, so what it counts is right and its first act is a pause.
Opened only when something is to be tried again.
"""

import asyncio
import random
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, cast, final

from tenacity import AsyncRetrying, RetryCallState

from twofold.clock import Clock
from twofold.errors import (
    BulkheadFull,
    Category,
    CircuitOpen,
    Classifier,
    Interrupted,
    KeyConflict,
    KeyInFlight,
    OutcomeUnknown,
    RateLimited,
    Superseded,
)
from twofold.reliability._retry import Call, Retry
from twofold.result import Failure, Result

_NEVER: Final = (OutcomeUnknown, KeyConflict, KeyInFlight, Superseded, Interrupted)
"""May have been done; stays so however often it is tried; waited long enough; is done elsewhere now; is over."""
_TELLING: Final = (BulkheadFull, CircuitOpen, RateLimited)
"""These know when it is worth another try; of the others `retry_after` is a hint to clients far away."""
_CONFLICT_PAUSE: Final = 0.01


@final
class Backoff:
    """Tries again with growing pauses.

    Args:
        settings: How often, how long and after which errors.
        clock: The clock that deadlines belong to.
        classifier: Tells what an error means.
        chance: Gives a random number from 0 to 1.
    """

    __slots__ = ("_chance", "_classifier", "_clock", "_settings")

    def __init__(
        self, settings: Retry, clock: Clock, classifier: Classifier, chance: Callable[[], float] = random.random
    ) -> None:
        self._settings, self._clock, self._classifier, self._chance = settings, clock, classifier, chance

    async def again(
        self, first: Failure[Any] | Exception, call: Call, *, deadline: float | None = None
    ) -> Result[Any, Any]:
        """Try again, when another try may mend it; see `Retrier`."""
        end = self._end(deadline)
        replayed = False

        async def attempt() -> Result[Any, Any]:
            nonlocal replayed
            if replayed:
                return await call()
            replayed = True
            if isinstance(first, Exception):
                raise first
            return first

        def is_over(retry: RetryCallState) -> bool:
            too_late = end is not None and self._clock.monotonic() + retry.upcoming_sleep >= end
            return too_late or retry.attempt_number >= self._settings.attempts

        return await AsyncRetrying(
            sleep=asyncio.sleep,
            retry=self._may_be_mended,
            wait=self._pause,
            stop=is_over,
            retry_error_callback=lambda retry: _outcome(retry).result(),
        )(attempt)

    def _end(self, deadline: float | None) -> float | None:
        if self._settings.total is None:
            return deadline
        own = self._clock.monotonic() + self._settings.total
        return own if deadline is None else min(own, deadline)

    def _may_be_mended(self, retry: RetryCallState) -> bool:
        error = _error(retry)
        if error is None or isinstance(error, _NEVER) or not self._settings.mends(self._category(error)):
            return False
        return not isinstance(error, _TELLING) or error.retry_after <= self._settings.longest

    def _pause(self, retry: RetryCallState) -> float:
        error, settings = _error(retry), self._settings
        is_conflict = self._category(error) is Category.CONFLICT
        first = min(_CONFLICT_PAUSE, settings.first) if is_conflict else settings.first
        pause = min(settings.longest, first * settings.factor ** (retry.attempt_number - 1))
        pause *= 1 - (1.0 if is_conflict else settings.jitter) * self._chance()
        return max(pause, error.retry_after) if isinstance(error, _TELLING) else pause

    def _category(self, error: object) -> Category | None:
        if isinstance(error, BaseException):
            return self._classifier.of_exception(error)
        return self._classifier.of_value(error)


def _error(retry: RetryCallState) -> object:
    """What the last attempt ended in, be it raised or answered; None for a success."""
    return _outcome(retry).exception() or _outcome(retry).result().error


def _outcome(retry: RetryCallState) -> "Future[Result[Any, Any]]":
    return cast("Future[Result[Any, Any]]", retry.outcome)
