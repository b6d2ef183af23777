"""What the demo prints: a progress bar, a table of figures, a line for each system, and the verdict."""

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from examples._demo.orders import CLIENTS, OrdersRun
from examples._demo.scenario import Checks
from examples._demo.tally import percentile

SYSTEMS: Final = {
    "S1": "handler pipeline and dispatcher",
    "S2": "immutable messages and three-state events",
    "S3": "application service over two buses",
    "S4": "middleware and transactional commands",
    "S5": "event sourcing and read models",
}


def progress_bar(console: Console) -> Progress:
    """A bar that counts commands."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )


def figures(run: OrdersRun) -> Table:
    """What driving the orders example has measured."""
    tally = run.tally
    table = Table(title="examples.orders", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("clients", str(CLIENTS))
    table.add_row("commands sent", f"{tally.sent:,}")
    table.add_row("commands per second", f"{tally.sent / run.seconds:,.0f}" if run.seconds else "-")
    table.add_row("commands accepted", f"{tally.accepted:,}")
    table.add_row("events", f"{run.ledger.events:,}")
    table.add_section()
    for why, count in tally.refusals.most_common():
        table.add_row(f"refused: {why}", f"{count:,}")
    table.add_section()
    table.add_row("command p50 / p99", _latencies(tally.seconds))
    table.add_row("query p50 / p99", _latencies(run.query_seconds))
    table.add_row("projection lag, at most", f"{run.max_lag:,} events")
    table.add_row("projections caught up after", f"{run.catch_up_seconds * 1000:.0f} ms")
    return table


def verdict(console: Console, results: Sequence[tuple[str, Checks]], systems: Sequence[str]) -> bool:
    """Print a line for each system, and the verdict.

    Args:
        console: Where to.
        results: What was seen, by the name of the example.
        systems: Which systems were to be shown.

    Returns:
        Whether all of them were.
    """
    passed = True
    for system in systems:
        shown = [(name, checks.of(system)) for name, checks in results if checks.of(system)]
        seen = [check for _, checks in shown for check in checks]
        good = bool(seen) and all(check.passed for check in seen)
        passed = passed and good
        where = ", ".join(f"examples.{name}" for name, _ in shown) or "no example"
        _line(console, good, f"{system} {SYSTEMS[system]} ({where}, {len(seen)} checks)")
        for check in seen:
            if not check.passed:
                console.print(Text(f"       {check.what}: {check.detail}"))
    total = sum(len(checks.seen) for _, checks in results)
    _line(console, passed, f"{'all' if passed else 'not all'} of {total} checks hold", word="VERDICT ")
    return passed


def _line(console: Console, good: bool, text: str, word: str = "") -> None:
    mark = Text("PASS" if good else "FAIL", style="bold green" if good else "bold red")
    console.print(Text.assemble(word, mark, " ", text))


def _latencies(seconds: Sequence[float]) -> str:
    return f"{percentile(seconds, 0.5) * 1000:.1f} / {percentile(seconds, 0.99) * 1000:.1f} ms"
