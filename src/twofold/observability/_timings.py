"""How many messages of one kind there were, and how long they took: the histogram and the counter over it."""

from collections.abc import Iterator
from itertools import accumulate
from typing import Final, final

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

_LABELS: Final = ("message", "outcome")

BOUNDS: Final = (
    *(step / 10_000 for step in range(1, 51)),
    *(0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75),
    *(1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0),
)
"""Seconds: 100 µs steps below 5 ms, where handlers live, and exact bounds at the limits that alerts are set at."""

_NAMES: Final = (*map(str, BOUNDS), "+Inf")


@final
class Timings(Collector):
    """Durations by message and outcome.

    Recorded by the one event loop of an application; scraped from any thread.

    Args:
        prefix: What its metrics are called: `<prefix>_total` and `<prefix>_duration_seconds`.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._series: dict[tuple[str, str], Series] = {}

    def series(self, message: str, outcome: str) -> "Series":
        """Where the durations of one message and outcome are kept."""
        return self._series.setdefault((message, outcome), Series())

    def collect(self) -> Iterator[Metric]:
        """The metric families, as they are now."""
        count = CounterMetricFamily(self._prefix, "Messages handled, by outcome.", labels=_LABELS)
        seconds = HistogramMetricFamily(
            f"{self._prefix}_duration_seconds", "How long messages took, from door to outcome.", labels=_LABELS
        )
        for labels, series in list(self._series.items()):
            cumulative = list(accumulate(series.counts))
            count.add_metric(labels, cumulative[-1])
            seconds.add_metric(labels, list(zip(_NAMES, cumulative, strict=True)), series.total)
        yield count
        yield seconds


@final
class Series:
    """One pair of labels: how many fell below each bound, and the sum of all."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * len(_NAMES)
        self.total = 0.0
