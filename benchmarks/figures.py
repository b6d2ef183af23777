"""A figure with its bar, and the runs that it was taken from. Bars are reported and never asserted."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Literal


@dataclass(frozen=True, slots=True)
class Run:
    """One round of one contender.

    Args:
        count: How many operations it did.
        seconds: How long all of them took together.
        latencies: How long each took, in seconds; for very short ones a separate pass with a clock around each.
    """

    count: int
    seconds: float
    latencies: Sequence[float] = ()

    @property
    def cost(self) -> float:
        """Seconds of one operation, as far as the whole round tells."""
        return self.seconds / self.count

    @property
    def rate(self) -> float:
        """Operations in a second."""
        return self.count / self.seconds


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle and the tail of many latencies, in seconds."""

    p50: float
    p99: float

    @classmethod
    def of(cls, runs: Sequence[Run]) -> "Spread":
        """The spread over all rounds."""
        latencies = [latency for run in runs for latency in run.latencies]
        return cls(median(latencies), quantiles(latencies, n=100, method="inclusive")[98])

    def __str__(self) -> str:
        return f"{span(self.p50)} · {span(self.p99)}"


def span(seconds: float) -> str:
    """A time in the unit that suits it."""
    if abs(seconds) < 0.001:
        return f"{seconds * 1e6:.2f} µs" if abs(seconds) < 0.000_1 else f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.2f} ms" if seconds < 0.1 else f"{seconds * 1e3:.0f} ms"


Unit = Literal["µs more", "ms more", "ms", "x", "%", "/s", "MB"]

_SHOWN: dict[Unit, str] = {
    "µs more": "{:.2f} µs more",
    "ms more": "{:.0f} ms more",
    "ms": "{:.3g} ms",
    "x": "{:.2f}x",
    "%": "{:.0f} %",
    "/s": "{:,.0f}/s",
    "MB": "{:.1f} MB",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure.

    Args:
        what: What was measured.
        value: The figure.
        unit: Its unit.
        at_most: The bar, when less is better.
        at_least: The bar, when more is better; without either, the figure is for information.
        ours: The spread of twofold.
        twin: The spread of the twin.
        against: What the twin is.
        writes: What each operation writes, in both.
        clients: How many ask at the same time.
        durability: What a commit waits for.
    """

    what: str
    value: float
    unit: Unit
    at_most: float | None = None
    at_least: float | None = None
    ours: Spread | None = None
    twin: Spread | None = None
    against: str
    writes: str = "nothing"
    clients: int = 1
    durability: str = "none"

    @property
    def shown(self) -> str:
        """The figure in words."""
        return _SHOWN[self.unit].format(self.value)

    @property
    def bar(self) -> str:
        """The bar in words."""
        if self.at_most is not None:
            return f"≤ {self._number(self.at_most)}"
        return "" if self.at_least is None else f"≥ {self._number(self.at_least)}"

    @property
    def verdict(self) -> str:
        """Whether it holds; nothing without a bar."""
        if self.at_most is not None:
            return "holds" if self.value <= self.at_most else "missed"
        if self.at_least is not None:
            return "holds" if self.value >= self.at_least else "missed"
        return ""

    def _number(self, value: float) -> str:
        unit = self.unit.removesuffix(" more")
        number = f"{value:,.0f}" if value == int(value) else f"{value:g}"
        return f"{number}{'' if unit in ('x', '/s') else ' '}{unit}"


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that could not be measured here, and why."""

    what: str
    why: str
