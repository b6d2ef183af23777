"""What operators see: metrics in Prometheus' format, and log lines that carry their context.

It is fed from below (middleware, subscriptions) and from above (callables of an application); nothing in the core
knows that it exists.
"""

from twofold.observability._failures import log_failure
from twofold.observability._live import Standing
from twofold.observability._logs import LogFormat, configure_logging
from twofold.observability._meter import PrometheusMeter

__all__ = ["LogFormat", "PrometheusMeter", "Standing", "configure_logging", "log_failure"]
