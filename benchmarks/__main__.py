"""`python -m benchmarks [section ...] [--quick] [--write PAGE]`: measure, show, and perhaps write it down.

A bar that is missed is reported; the exit code only says whether something broke.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks import (
    append,
    boundaries,
    catch_up,
    catch_up_postgres,
    consuming,
    dispatch,
    http,
    imports,
    loads,
    parts,
    postgres,
    postgres_commands,
    relay,
    systems,
)
from benchmarks.figures import Figure, Skipped
from benchmarks.report import show, write

SECTIONS = {
    "dispatch": dispatch,
    "parts": parts,
    "append": append,
    "postgres": postgres,
    "postgres-commands": postgres_commands,
    "boundaries": boundaries,
    "http": http,
    "systems": systems,
    "catch-up": catch_up,
    "catch-up-postgres": catch_up_postgres,
    "relay": relay,
    "consuming": consuming,
    "loads": loads,
    "import": imports,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the sections that were asked for; all of them unless some are named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure twofold against twins by hand.")
    parser.add_argument(
        "sections", nargs="*", metavar="section", help=f"any of {', '.join(SECTIONS)}; all unless given"
    )
    parser.add_argument("--quick", action="store_true", help="a few rounds only, to see that everything runs")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the figures into this page")
    chosen = parser.parse_args(arguments)
    unknown = [name for name in chosen.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"no section is called {', '.join(unknown)}")
    console = Console()
    for name in chosen.sections or SECTIONS:
        section = SECTIONS[name]
        figures: list[Figure | Skipped] = []
        with console.status(section.TITLE) as status:
            for figure in section.measure(quick=chosen.quick):
                figures.append(figure)
                status.update(f"{section.TITLE}: {figure.what}")
        show(console, section.TITLE, figures)
        if chosen.write is not None:
            write(chosen.write, name, section.ABOUT, figures)


if __name__ == "__main__":
    main()
