"""Tables: drawn on a terminal, plain aligned lines in a pipe."""

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text


def drawn(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A table for a terminal."""
    table = Table(title=title, title_justify="left", title_style="bold cyan", header_style="dim", expand=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))  # as it is: `list[str]` is no markup
    return table


def aligned(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    """One line per row; columns aligned, so that both people and `grep` read it."""
    lines = [list(columns), *([cell or "-" for cell in row] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    for line in lines:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
