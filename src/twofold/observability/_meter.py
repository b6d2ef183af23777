"""The numbers of one application, in Prometheus' format. The web serves them at `/metrics`.

Every meter has a registry of its own, so that two applications in one process never meet. Recording is on the path of
every message, so it is a look-up and two additions; everything else happens when somebody scrapes.
"""

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import final

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from twofold.dispatch import Handler
from twofold.messages import Kind
from twofold.observability._live import Live, Standing
from twofold.observability._timings import BOUNDS, Series, Timings
from twofold.subscriptions import in_time


@final
class PrometheusMeter:
    """Counts and times messages, and collects what handlers count and where subscriptions stand.

    Args:
        handlers: Gives the handlers whose own numbers are exported; `app.router.handlers`.
        progress: Gives where subscriptions stand; `app.progress`.
        queues: Gives how much waits, by what it waits for; `app.queues`.

    Example:
        >>> meter = PrometheusMeter(handlers=app.router.handlers, progress=app.progress, queues=app.queues)
        >>> app.observe(meter=meter)
    """

    def __init__(
        self,
        *,
        handlers: Callable[[], Iterable[Handler]] | None = None,
        progress: Callable[[], Awaitable[Sequence[Standing]]] | None = None,
        queues: Callable[[], Mapping[str, int]] | None = None,
    ) -> None:
        self._progress = progress
        self._queues = queues
        self._live = Live(handlers)
        self._timings = {kind: Timings(f"cqrs_{kind}") for kind in Kind}
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._series: dict[tuple[Kind, str, str], Series] = {}
        self.registry = CollectorRegistry(auto_describe=False)
        text = "Commands and queries that ended as a Failure, by message and code of the error."
        self._refusals = Counter("cqrs_refusals", text, ["message", "code"], registry=self.registry)
        for collector in (*self._timings.values(), self._live):
            self.registry.register(collector)

    def record(self, kind: Kind, message: str, outcome: str, seconds: float) -> None:
        """Note one message.

        Args:
            kind: Its kind.
            message: Its wire name.
            outcome: `success`, the category of its error, or `crashed`.
            seconds: How long it took.
        """
        try:
            series = self._series[kind, message, outcome]
        except KeyError:
            series = self._series[kind, message, outcome] = self._timings[kind].series(message, outcome)
        series.counts[bisect_left(BOUNDS, seconds)] += 1
        series.total += seconds

    def refused(self, message: str, code: str) -> None:
        """Note that a command or query ended as a Failure, as `cqrs_refusals_total`.

        Args:
            message: Its wire name.
            code: The code of its error's class.
        """
        self._refusals.labels(message, code).inc()

    def count(self, what: str, message: str) -> None:
        """Note something that a stage did beside handling a message, as `cqrs_<what>_total`.

        Args:
            what: What happened, in the plural.
            message: The wire name of the message.
        """
        counter = self._counters.get(what)
        if counter is None:
            text = f"{what.replace('_', ' ').capitalize()}, by message."
            counter = self._counters[what] = Counter(f"cqrs_{what}", text, ["message"], registry=self.registry)
        counter.labels(message).inc()

    def level(self, what: str, whose: str, value: float) -> None:
        """Note how something stands, as `cqrs_<what>`.

        Args:
            what: What it is.
            whose: The name of the one that stands so.
            value: How.
        """
        gauge = self._gauges.get(what)
        if gauge is None:
            text = f"{what.replace('_', ' ').capitalize()}, by name."
            gauge = self._gauges[what] = Gauge(f"cqrs_{what}", text, ["name"], registry=self.registry)
        gauge.labels(whose).set(value)

    async def scrape(self) -> tuple[bytes, str]:
        """Ask where subscriptions stand and how much waits, and render everything.

        Where that of subscriptions cannot be found out in time, `cqrs_subscriptions_known` is 0 and nothing is said of
        them.

        Returns:
            The body, and its content type.
        """
        if self._progress is not None:
            standings = await in_time(self._progress)
            self._live.known, self._live.standings = standings is not None, standings or ()
        if self._queues is not None:
            self._live.queues = self._queues()
        return self.render()

    def render(self) -> tuple[bytes, str]:
        """Everything, with subscriptions and queues as they stood at the last `scrape`.

        Returns:
            The body, and its content type.
        """
        return generate_latest(self.registry), CONTENT_TYPE_LATEST
