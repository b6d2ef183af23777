"""Numbers that are read when somebody scrapes: what handlers count, where subscriptions stand, and how much waits."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol, final

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
    def waiting(self) -> float:
        """How long the oldest event that it has not dealt with has been in the log, in seconds."""
        ...

    @property
    def still(self) -> float:
        """For how long events have waited without any being dealt with, in seconds."""
        ...

    @property
    def parked(self) -> int:
        """How many streams it has put aside events of."""
        ...

    @property
    def failures(self) -> int:
        """How often in a row it has failed."""
        ...


_GAUGES: Final[Sequence[tuple[str, str, Callable[[Standing], float]]]] = (
    ("lag", "Positions a subscription is behind.", lambda one: one.lag),
    ("lag_seconds", "How long the oldest event that waits for a subscription has been there.", lambda one: one.waiting),
    ("still_seconds", "How long events have waited without any being dealt with.", lambda one: one.still),
    ("parked_streams", "Streams of which a subscription has put events aside.", lambda one: one.parked),
    ("failures", "Failures in a row of a subscription.", lambda one: one.failures),
)


@final
class Live(Collector):
    """Collects from the running application.

    Args:
        handlers: Gives the handlers; None for nobody's numbers.
    """

    def __init__(self, handlers: Callable[[], Iterable[Handler]] | None) -> None:
        self._handlers = handlers
        self.standings: Sequence[Standing] = ()
        self.known: bool | None = None
        """Whether it could be found out where subscriptions stand; None when nobody has asked."""
        self.queues: Mapping[str, int] = {}

    def collect(self) -> Iterator[Metric]:
        """The metric families, as they are now."""
        yield from self._subscriptions()
        waiting = GaugeMetricFamily("cqrs_waiting", "How much waits, by what it waits for.", labels=["queue"])
        for name, length in self.queues.items():
            waiting.add_metric([name], length)
        yield waiting
        own = GaugeMetricFamily("cqrs_handler_metric", "What a handler counts for itself.", labels=["handler", "key"])
        for labels, value in self._own().items():
            own.add_metric(labels, value)
        yield own

    def _subscriptions(self) -> Iterator[Metric]:
        known = "Whether it could be found out where subscriptions stand."
        if self.known is not None:
            yield GaugeMetricFamily("cqrs_subscriptions_known", known, value=self.known)
        for name, help_, value in _GAUGES:
            gauge = GaugeMetricFamily(f"cqrs_subscription_{name}", help_, labels=["subscription"])
            for standing in self.standings:
                gauge.add_metric([standing.name], value(standing))
            yield gauge

    def _own(self) -> dict[tuple[str, str], float]:
        """By handler and key: one function may be registered for several messages, and is one handler to Prometheus."""
        numbers: defaultdict[tuple[str, str], float] = defaultdict(float)
        for handler in () if self._handlers is None else self._handlers():
            for key, value in handler.tools.metrics.all().items():
                numbers[handler.id, key] += value
        return numbers
