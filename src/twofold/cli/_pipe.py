"""Lines for whoever reads the standard output, who may have read enough: `twofold audit export shop:app | head`."""

import os
import sys

import rich_click as click


def print_line(line: str) -> bool:
    """Print a line, and tell whether anybody could read it; once a pipe is closed nothing is printed any more.

    Args:
        line: The line.
    """
    try:
        click.echo(line)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else it is told again at the end of Python
        return False
    return True
