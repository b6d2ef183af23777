"""Rounds of contenders, one after the other, A B A B: whatever the machine does meanwhile hits all of them."""

import gc
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import TypeAlias

from benchmarks.figures import Figure, Run, Spread, Unit

Contender: TypeAlias = Callable[[], Awaitable[Run]]


class Comparison:
    """The rounds of twofold and of its twin, in pairs.

    Args:
        ours: The rounds of twofold.
        twin: The rounds of the twin, in the same order.
    """

    def __init__(self, ours: Sequence[Run], twin: Sequence[Run]) -> None:
        self._pairs = list(zip(ours, twin, strict=True))
        self.spread = Spread.of(ours)
        self.twin_spread = Spread.of(twin)

    @property
    def more(self) -> float:
        """Seconds that one operation costs more; the median over the pairs."""
        return median(ours.cost - twin.cost for ours, twin in self._pairs)

    @property
    def ratio(self) -> float:
        """How many operations for each one of the twin; the median over the pairs."""
        return median(twin.cost / ours.cost for ours, twin in self._pairs)

    @property
    def middle_ratio(self) -> float:
        """The same for the middle latency of each round, which a disk with a long tail disturbs less."""
        return median(Spread.of([twin]).p50 / Spread.of([ours]).p50 for ours, twin in self._pairs)

    @property
    def rate(self) -> float:
        """Operations in a second; the median over the rounds."""
        return median(ours.rate for ours, _ in self._pairs)

    def figure(
        self,
        what: str,
        unit: Unit,
        against: str,
        writes: str = "nothing",
        *,
        durability: str = "none",
        clients: int = 1,
        at_least: float | None = None,
        at_most: float | None = None,
        of_middles: bool = False,
    ) -> Figure:
        """The figure for the report.

        Args:
            what: What was measured.
            unit: Its unit.
            against: What the twin is.
            writes: What each operation writes, in both.
            durability: What a commit waits for.
            clients: How many ask at the same time.
            at_least: The bar, when more is better.
            at_most: The bar, when less is better.
            of_middles: Whether a ratio is of the middle latencies, and not of whole rounds.
        """
        return Figure(
            what=what,
            value=self.middle_ratio if of_middles else self.value(unit),
            unit=unit,
            at_least=at_least,
            at_most=at_most,
            ours=self.spread,
            twin=self.twin_spread,
            against=against,
            writes=writes,
            clients=clients,
            durability=durability,
        )

    def value(self, unit: Unit) -> float:
        """The figure in a unit."""
        match unit:
            case "µs more":
                return self.more * 1e6
            case "ms more":
                return self.more * 1e3
            case "%":
                return self.ratio * 100
            case "x":
                return self.ratio
            case _:
                return self.rate


async def compare(ours: Contender, twin: Contender, *, rounds: int) -> Comparison:
    """Run both in turn, after one round each that does not count.

    Args:
        ours: A round of twofold.
        twin: A round of the twin.
        rounds: How many rounds count.
    """
    (comparison,) = await compare_all([ours], twin, rounds=rounds)
    return comparison


async def compare_all(contenders: Sequence[Contender], twin: Contender, *, rounds: int) -> list[Comparison]:
    """Run several contenders and their twin in turn, after one round each that does not count.

    Args:
        contenders: A round of each.
        twin: A round of the twin.
        rounds: How many rounds count.

    Returns:
        Each contender beside the same rounds of the twin.
    """
    done: list[list[Run]] = [[] for _ in (*contenders, twin)]
    with _started():
        for _ in range(1 + rounds):
            for runs, one in zip(done, (*contenders, twin), strict=True):
                gc.collect()
                runs.append(await one())
    *ours, twins = (runs[1:] for runs in done)
    return [Comparison(runs, twins) for runs in ours]


@contextmanager
def _started() -> Generator[None]:
    """What is there by now is left alone by the garbage collector, as under `twofold run`: for twins too."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
