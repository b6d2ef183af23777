"""Keeping an application up while what it needs is down: rate limit, circuit breaker, timeout, retry, bulkhead.

Each part is a value of settings, a small protocol by which a team or a test puts in its own, and a built-in. None of
them knows of a pipeline: the stages that use them stand above. Nothing here is for several event loops or threads.
"""

from twofold.reliability._breaker import Breaker, Breakers, CircuitBreaker, State, StateChange
from twofold.reliability._bulkhead import Bulkhead, Bulkheads, Compartment, LocalBulkheads
from twofold.reliability._categories import On
from twofold.reliability._circuit import Circuit, Listener, LocalBreakers
from twofold.reliability._deadline import Timeout, Timeouts, deadline_of
from twofold.reliability._limiter import Limiter, Limiters, WindowLimiters
from twofold.reliability._rate import MEMORY, STORE_OF_LIMITS, Rate, RateLimit, Sender
from twofold.reliability._retries import BackoffRetries
from twofold.reliability._retry import Retrier, Retries, Retry
from twofold.reliability._texts import Reliability, settings_from
from twofold.reliability._within import Deadlines

__all__ = [
    "MEMORY",
    "STORE_OF_LIMITS",
    "BackoffRetries",
    "Breaker",
    "Breakers",
    "Bulkhead",
    "Bulkheads",
    "Circuit",
    "CircuitBreaker",
    "Compartment",
    "Deadlines",
    "Limiter",
    "Limiters",
    "Listener",
    "LocalBreakers",
    "LocalBulkheads",
    "On",
    "Rate",
    "RateLimit",
    "Reliability",
    "Retrier",
    "Retries",
    "Retry",
    "Sender",
    "State",
    "StateChange",
    "Timeout",
    "Timeouts",
    "WindowLimiters",
    "deadline_of",
    "settings_from",
]
