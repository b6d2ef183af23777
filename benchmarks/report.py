"""Figures as a table in the terminal, and as the generated part of docs/benchmarks.md."""

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure, Skipped

_STYLES = {"holds": "green", "missed": "red", "": "dim"}
_COLUMNS = (
    "what",
    "bar",
    "value",
    "verdict",
    "twofold p50 · p99",
    "twin p50 · p99",
    "twin",
    "writes",
    "clients",
    "durability",
)


def show(console: Console, title: str, figures: Sequence[Figure | Skipped]) -> None:
    """One section as a table."""
    table = Table(title=title, title_justify="left", title_style="bold", show_lines=True)
    table.add_column("what")
    for name in ("value", "bar"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("", "p50 · p99", "of the twin"):
        table.add_column(name, no_wrap=True)
    for figure in figures:
        if isinstance(figure, Skipped):
            table.add_row(f"{figure.what}\n[yellow]skipped: {figure.why}[/]")
            continue
        verdict = f"[{_STYLES[figure.verdict]}]{figure.verdict}[/]"
        spreads = (_words(figure.ours).replace(" · ", "\n"), _words(figure.twin).replace(" · ", "\n"))
        table.add_row(f"{figure.what}\n[dim]{_about(figure)}[/]", figure.shown, figure.bar, verdict, *spreads)
    console.print(table)


def write(path: Path, name: str, about: str, figures: Sequence[Figure | Skipped]) -> None:
    """Put one section where the page has its markers; what is written by hand stays.

    Args:
        path: The page.
        name: The name in the markers.
        about: What was compared.
        figures: What came out.

    Raises:
        ValueError: The page has no such markers.
    """
    begin, end = f"<!-- measured: {name} -->", f"<!-- end of {name} -->"
    page = path.read_text(encoding="utf-8")
    if begin not in page or end not in page:
        raise ValueError(f"{path} has no {begin} and {end}")
    lines = [begin, "", about, "", _conditions(), "", *_rows(figures), "", end]
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    path.write_text(pattern.sub(lambda _: "\n".join(lines), page), encoding="utf-8")


def _about(figure: Figure) -> str:
    clients = f"{figure.clients} client{'s' if figure.clients > 1 else ''}"
    return f"against {figure.against}; {clients}; writes {figure.writes}; durability {figure.durability}"


def _conditions() -> str:
    today = datetime.now(UTC).date().isoformat()
    return f"Measured {today}, Python {platform.python_version()}, {os.cpu_count()} cores shared with other work."


def _rows(figures: Sequence[Figure | Skipped]) -> list[str]:
    rows = [_row(_COLUMNS), _row(["---"] * len(_COLUMNS))]
    for figure in figures:
        if isinstance(figure, Skipped):
            rows.append(_row([figure.what, "", f"skipped: {figure.why}", *[""] * 7]))
        else:
            rows.append(
                _row([
                    figure.what, figure.bar, figure.shown, figure.verdict, _words(figure.ours), _words(figure.twin),
                    figure.against, figure.writes, str(figure.clients), figure.durability,
                ])
            )  # fmt: skip
    return rows


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _words(spread: object) -> str:
    return "" if spread is None else str(spread)
