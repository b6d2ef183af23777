"""Rows of text: as a table on a terminal, and as aligned lines in a pipe."""

import sys
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import rich_click as click
from rich.console import Console
from rich.table import Table
from rich.text import Text

Rows: TypeAlias = Sequence[Sequence[str]]


def print_rows(columns: Sequence[str], rows: Rows, *, title: str | None = None) -> None:
    """Print rows, as whoever reads them likes it; a pipe has no use for the title."""
    if sys.stdout.isatty():
        Console().print(drawn(columns, rows, title=title))
    else:
        click.echo("\n".join(aligned(columns, rows)))


def drawn(columns: Sequence[str], rows: Rows, *, title: str | None = None) -> Table:
    """A table for a terminal; cells are shown as they are, and are no markup."""
    table = Table(title=title, title_justify="left", title_style="bold cyan", header_style="dim", expand=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def aligned(columns: Sequence[str], rows: Rows) -> Iterator[str]:
    """One line per row, so that both people and `grep` read it; an empty cell is a dash."""
    lines = [list(columns), *([cell or "-" for cell in row] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    for line in lines:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
