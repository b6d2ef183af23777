"""Numbers that are read when somebody scrapes: what handlers count for themselves, and where subscriptions stand."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from twofold.dispatch import Handler


class Standing(Protocol):
    """Where a subscription stands."""

    @property
    def name(self) -> str:
        """The projection's or reaction's name."""
        ...

    @property
    def lag(self) -> int:
        """How many positions it is behind."""
        ...

    @property
    def failures(self) -> int:
        """How often in a row it has failed."""
        ...


@final
class Live(Collector):
    """Collects from the running application.

    Args:
        handlers: Gives the handlers; None for nobody's numbers.
    """

    def __init__(self, handlers: Callable[[], Iterable[Handler]] | None) -> None:
        self._handlers = handlers
        self.standings: Sequence[Standing] = ()

    def collect(self) -> Iterator[Metric]:
        """The metric families, as they are now."""
        lag = GaugeMetricFamily("cqrs_subscription_lag", "Positions a subscription is behind.", labels=["subscription"])
        failures = GaugeMetricFamily(
            "cqrs_subscription_failures", "Failures in a row of a subscription.", labels=["subscription"]
        )
        for standing in self.standings:
            lag.add_metric([standing.name], standing.lag)
            failures.add_metric([standing.name], standing.failures)
        own = GaugeMetricFamily("cqrs_handler_metric", "What a handler counts for itself.", labels=["handler", "key"])
        for labels, value in self._own().items():
            own.add_metric(labels, value)
        yield lag
        yield failures
        yield own

    def _own(self) -> dict[tuple[str, str], float]:
        """By handler and key: one function may be registered for several messages, and is one handler to Prometheus."""
        numbers: defaultdict[tuple[str, str], float] = defaultdict(float)
        for handler in () if self._handlers is None else self._handlers():
            for key, value in handler.tools.metrics.all().items():
                numbers[handler.id, key] += value
        return numbers
